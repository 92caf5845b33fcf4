/** One bar: our figure and the reference's from the same run. */
export interface Bar {
  readonly bench: string;
  readonly metric: string;
  readonly ours: number;
  readonly reference: number | null;
  /** What `ratio` is compared with: ours over the reference, or ours alone where there is none. */
  readonly ratio: number;
  /** Null for a figure that is told, and that nothing is asked of. */
  readonly bar: number | null;
  readonly pass: boolean;
}

export type Scale = 'small' | 'full';

export function ratioBar(
  bench: string,
  metric: string,
  ours: number,
  reference: number,
  bar: number | null,
): Bar {
  const ratio = ours / reference;
  return {
    bench,
    metric,
    ours: round(ours),
    reference: round(reference),
    ratio: round(ratio),
    bar,
    pass: bar === null || ratio <= bar,
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
  const verdict = bar.bar === null ? 'told' : bar.pass ? 'pass' : 'MISS';
  const asked = bar.bar === null ? '' : `, bar ${bar.bar}`;
  console.log(`${verdict}  ${bar.bench}  ${bar.metric}: ours ${bar.ours}${reference}${asked}`);
}
