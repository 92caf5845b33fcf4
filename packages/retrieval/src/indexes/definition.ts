import { createHash } from 'node:crypto';
import type { IndexSpec } from '@hakiri/core';

/** Of the files; a change of any makes every index be built again. */
export const INDEX_FORMAT = 1;

/**
 * The folder of an index: its name, and what it is made of. Another analyzer, model or column is another index,
 * which is built beside the old one.
 */
export function indexId(spec: IndexSpec): string {
  const { name, ...rest } = spec;
  const made = JSON.stringify([INDEX_FORMAT, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))]);
  return `${name}-${createHash('sha256').update(made).digest('hex').slice(0, 8)}`;
}
