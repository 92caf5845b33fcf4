import type { Engine, QueryResult, SessionLimits, SessionQuery } from '@hakiri/engine';

/**
 * A SELECT need not say in which order its rows come. Where the pages of its answer are to fit together, they are cut
 * from an order that comes again, which takes longer.
 */
export async function inPages(
  engine: Pick<Engine, 'query'>,
  query: SessionQuery,
  limits: () => SessionLimits,
  {
    isOrdered,
    isCut,
  }: {
    /** Whether the order does not matter, or is settled by the statement. */
    readonly isOrdered: boolean;
    /** Whether the answer is known to be one of several pages; otherwise that is seen when it is there. */
    readonly isCut: boolean;
  },
): Promise<QueryResult> {
  if (isOrdered) return engine.query(query, limits());
  if (!isCut) {
    const whole = await engine.query(query, limits());
    if (whole.truncated === false) return whole;
  }
  return engine.query({ ...query, inOrder: true }, limits());
}
