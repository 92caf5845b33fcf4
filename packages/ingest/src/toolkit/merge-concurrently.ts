/**
 * The values of several generators as they come, `limit` of them running at a time. Each is asked for its next
 * value only when the last was taken. A failure ends all.
 */
export async function* mergeConcurrently<T>(
  generators: Iterable<AsyncGenerator<T>>,
  limit: number,
): AsyncGenerator<T> {
  type Step = { readonly generator: AsyncGenerator<T>; readonly result: IteratorResult<T> };
  const waiting = generators[Symbol.iterator]();
  const running = new Map<AsyncGenerator<T>, Promise<Step>>();
  const advance = (generator: AsyncGenerator<T>): void => {
    running.set(
      generator,
      generator.next().then((result) => ({ generator, result })),
    );
  };
  const fill = (): void => {
    while (running.size < limit) {
      const next = waiting.next();
      if (next.done) return;
      advance(next.value);
    }
  };
  let current: AsyncGenerator<T> | undefined;
  try {
    for (fill(); running.size > 0; fill()) {
      const { generator, result } = await Promise.race(running.values());
      running.delete(generator);
      if (result.done) continue;
      current = generator;
      yield result.value;
      current = undefined;
      advance(generator);
    }
  } finally {
    await Promise.allSettled([...running.values()]);
    const open = current === undefined ? [...running.keys()] : [current, ...running.keys()];
    await Promise.allSettled(open.map((generator) => generator.return(undefined)));
  }
}
