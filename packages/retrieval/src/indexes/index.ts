export type { Connection } from './connection.ts';
export { INDEX_FORMAT, indexId } from './definition.ts';
export type { IndexedDelta, IndexedPart, IndexedTable } from './indexed-table.ts';
export { openTable } from './open.ts';
export {
  isOfKind,
  type OpenedIndex,
  type OpenedTable,
  type OpenedTextIndex,
  type OpenedVectorIndex,
  type Place,
  type RowIdentities,
  rowsBehind,
  type TableRows,
  type Unit,
} from './opened-table.ts';
