export { memoryCatalog } from './catalog/memory-catalog.ts';
export { openSqliteCatalog } from './catalog/sqlite-catalog.ts';
export { fileColumns } from './commit/file-columns.ts';
export { fingerprint } from './commit/fingerprint.ts';
export { nextSchema } from './commit/table-schema-rules.ts';
export type { Compacted } from './compact/compact-table.ts';
export { nextSequence } from './delta/delta-file.ts';
export { deltaSelect } from './delta/delta-sql.ts';
export { deltasDue, type FoldLimits } from './delta/fold-delta.ts';
export type { SmallRow } from './delta/small-row.ts';
export {
  openSmallWrites,
  type SmallTarget,
  type SmallWriteOptions,
  type SmallWriter,
} from './delta/small-writer.ts';
export { writeDurably } from './disk/durable.ts';
export { INDEXES_NAME, type Layout, layout, schemaFile, viewFile } from './disk/layout.ts';
export { nodeFiles } from './disk/node-files.ts';
export { STORE_FORMAT } from './disk/store-format.ts';
export { acquireWriterLock, type LockHolder } from './disk/writer-lock.ts';
export {
  type ForgetReport,
  type ForgetRequest,
  type ForgetStep,
  forget,
  type Mention,
} from './erase/index.ts';
export { type SmallWritesSummary, summarizeSmallWrites } from './export/small-writes.ts';
export { writeArchive } from './export/write-archive.ts';
export type { Collected } from './gc/collect-garbage.ts';
export { collectStore, compactStore, type MaintenanceRequest, tidyStore } from './maintenance.ts';
export type { LockOptions, StoreOptions } from './open-context.ts';
export { openMaintenance } from './open-maintenance.ts';
export { type DoctorCheck, type DoctorReport, examineStore } from './recovery/doctor.ts';
export { rebuildCatalog } from './recovery/rebuild-catalog.ts';
export { type Repair, repairStore } from './recovery/repair.ts';
export { type CatalogVersion, catalogVersion } from './rows/catalog-version.ts';
export {
  openRowSidecars,
  type RowSidecarOptions,
  type RowSidecars,
  readThroughEngine,
  type SidecarRow,
  sidecarPath,
} from './rows/index.ts';
export { openStore, openWritableStore, type Recovery, type Store, type WritableStore } from './store.ts';
export type { StoreContext, TableSettings } from './store-context.ts';
export type { Upgrade } from './upgrade/upgrade-store.ts';
export { viewSelect, viewStatement } from './view/view-sql.ts';
