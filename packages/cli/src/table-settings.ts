import {
  type CatalogTable,
  type Manifest,
  type Pipeline,
  parseAccessPattern,
  TABLE_DEFAULTS,
  type Table,
} from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';
import type { TableKeeping } from '@hakiri/retrieval';
import type { TableSettings } from '@hakiri/store';

/** What the store knows of a table that the manifest may leave to its source. */
type Stored = Pick<CatalogTable, 'name' | 'incremental' | 'pipelines'>;

/** How long files of a table are kept. */
export function keepingOf(manifest: Manifest, stored: Stored): TableKeeping {
  const { pipeline, table } = declared(manifest, stored);
  return {
    retentionMs: table?.retentionMs ?? pipeline?.retentionMs ?? TABLE_DEFAULTS.retentionMs,
    tombstoneRetentionMs:
      table?.tombstoneRetentionMs ?? pipeline?.tombstoneRetentionMs ?? TABLE_DEFAULTS.tombstoneRetentionMs,
  };
}

/** @throws HakiriError manifest.wrong_type for an access pattern that cannot be carried out */
export function settingsOf(manifest: Manifest, stored: Stored): TableSettings {
  const { pipeline, table } = declared(manifest, stored);
  const incremental = table?.incremental ?? stored.incremental ?? pipeline?.incremental;
  return {
    ...keepingOf(manifest, stored),
    partitioning:
      table?.accessPattern === undefined ? undefined : parseAccessPattern(table.accessPattern, incremental),
  };
}

/** A table that no pipeline lists belongs to the one that filled it. */
function declared(
  { pipelines }: Manifest,
  { name, pipelines: fillers }: Stored,
): { readonly pipeline: Pipeline | undefined; readonly table: Table | undefined } {
  for (const pipeline of pipelines) {
    const table = pipeline.tables?.find((candidate) => tableNameOf(pipeline, candidate) === name);
    if (table) return { pipeline, table };
  }
  return { pipeline: pipelines.find(({ id }) => fillers.includes(id)), table: undefined };
}
