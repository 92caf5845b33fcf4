import assert from 'node:assert/strict';
import { processTree, pssMb } from '../../../../bench/support/measure.ts';

/** Samples that are printed; all of them count. */
const PRINTED = 24;
/** Share of the samples in which everything is still on its way to its size. */
const WARM_UP = 0.4;

/** Of a process and all below it, in MB. */
export function treeMb(root: number): number {
  return processTree(root).reduce((sum, pid) => {
    try {
      return sum + pssMb(pid);
    } catch {
      // Gone between the listing and the reading.
      return sum;
    }
  }, 0);
}

export function thinned<Sample>(samples: readonly Sample[]): readonly Sample[] {
  const step = Math.max(1, Math.ceil(samples.length / PRINTED));
  return samples.filter((_, i) => i % step === 0 || i === samples.length - 1);
}

/** The straight line through the samples after the warm-up rises by no more than a share of their mean. */
export function assertFlat(
  what: string,
  values: readonly number[],
  { share, least }: { readonly share: number; readonly least: number },
): void {
  const settled = values.slice(Math.floor(values.length * WARM_UP));
  const mean = settled.reduce((sum, value) => sum + value, 0) / settled.length;
  const middle = (settled.length - 1) / 2;
  const slope =
    settled.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0) /
    Math.max(
      1,
      settled.reduce((sum, _, i) => sum + (i - middle) ** 2, 0),
    );
  const rise = slope * settled.length;
  assert.ok(
    rise <= Math.max(least, share * mean),
    `${what} rise by ${rise.toFixed(1)} from about ${mean.toFixed(0)}`,
  );
}
