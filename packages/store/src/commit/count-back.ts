import { HakiriError, type PartEntry } from '@hakiri/core';
import type { StoreContext } from '../store-context.ts';

/** @throws HakiriError store.count_mismatch when a part does not hold what was written */
export async function countBack(
  { engine, paths }: Pick<StoreContext, 'engine' | 'paths'>,
  part: PartEntry,
): Promise<void> {
  const counted = await engine.countRows(paths.absolute(part.path));
  if (counted === part.rows) return;
  throw new HakiriError(
    'store.count_mismatch',
    `${part.path} holds ${counted} rows, ${part.rows} were written`,
  );
}
