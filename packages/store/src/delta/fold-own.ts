import type { CatalogTable } from '@hakiri/core';
import type { StoreContext } from '../store-context.ts';
import { foldDelta, isOpen, ownDeltas } from './fold-delta.ts';

/** Folds what this node has of a table's small writes. */
export async function foldOwn(context: StoreContext, table: CatalogTable): Promise<void> {
  for (const delta of ownDeltas(table, context.node)) {
    // One that somebody in this process still writes to is folded by that writer.
    if (!isOpen(context.paths.absolute(delta.path))) await foldDelta(context, table, delta);
  }
}
