export type { IndexFault } from './check-indexes.ts';
export type { Connection } from './connection.ts';
export { INDEX_FORMAT, indexId } from './definition.ts';
export {
  createIndexes,
  type IndexEvent,
  type Indexes,
  type IndexesOptions,
  type IndexProgress,
  type IndexState,
  type WorkOptions,
} from './index-service.ts';
export type { IndexedDelta, IndexedPart, IndexedTable } from './indexed-table.ts';
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
export { withTwins } from './twins.ts';
