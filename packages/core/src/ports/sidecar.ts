import type { TableName } from '../ids.ts';
import type { PartEntry, SchemaFingerprint } from '../run-manifest.ts';
import type { TableSchema } from '../types/table-schema.ts';

/**
 * Makes what lies beside parts and is published with them: indexes. The store calls it when parts are on the disk
 * and nobody knows of them yet; what it writes goes into `_indexes` in the folder of each part.
 */
export interface SidecarBuilder {
  /**
   * For the parts of a run, before its manifest is written. What cannot be made (an embedding endpoint that is down)
   * is left out and made later: data never waits for an index.
   * @throws HakiriError store.disk_full, store.io: then the commit fails as it would for a part
   */
  forRun(table: SidecarTable, parts: readonly SidecarPart[]): Promise<void>;
  /** For the parts that a compaction wrote, before the snapshot's manifest is. `sources` hold every row of them. */
  forSnapshot(
    table: SidecarTable,
    parts: readonly SidecarPart[],
    sources: readonly SidecarPart[],
  ): Promise<void>;
}

export interface SidecarTable {
  readonly name: TableName;
  readonly primaryKey: readonly string[];
  readonly schema: TableSchema;
}

export interface SidecarPart extends Pick<PartEntry, 'path' | 'rows'> {
  readonly schema: SchemaFingerprint;
  readonly columns: TableSchema;
}
