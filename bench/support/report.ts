/** One bar: our figure and the reference's from the same run. */
export interface Bar {
  readonly bench: string;
  readonly metric: string;
  readonly ours: number;
  readonly reference: number | null;
  /** What `ratio` is compared with: ours over the reference, or ours alone where there is none. */
  readonly ratio: number;
  readonly bar: number;
  readonly pass: boolean;
}

export type Scale = 'small' | 'full';

export function ratioBar(bench: string, metric: string, ours: number, reference: number, bar: number): Bar {
  const ratio = ours / reference;
  return {
    bench,
    metric,
    ours: round(ours),
    reference: round(reference),
    ratio: round(ratio),
    bar,
    pass: ratio <= bar,
  };
}

export function limitBar(
  bench: string,
  metric: string,
  ours: number,
  bar: number,
  reference: number | null = null,
): Bar {
  return {
    bench,
    metric,
    ours: round(ours),
    reference: reference === null ? null : round(reference),
    ratio: round(ours / bar),
    bar,
    pass: ours <= bar,
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

export function printBar(bar: Bar, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(bar));
    return;
  }
  const reference = bar.reference === null ? '' : `, reference ${bar.reference}, ratio ${bar.ratio}`;
  console.log(
    `${bar.pass ? 'pass' : 'MISS'}  ${bar.bench}  ${bar.metric}: ours ${bar.ours}${reference}, bar ${bar.bar}`,
  );
}
