import { join } from 'node:path';
import type { NodeId, RunId, SchemaFingerprint, SnapshotId, TableName } from '@hakiri/core';

/** Where things lie below `.hakiri/`. Relative paths are what manifests, views and later the bucket hold. */
export interface Layout {
  /** `.hakiri` */
  readonly root: string;
  /** `.hakiri/context/<project>`: what relative paths are relative to. */
  readonly context: string;
  readonly config: string;
  readonly catalog: string;
  readonly lock: string;
  readonly lockHolder: string;
  /** Held while snapshots are made, collected or rewritten. */
  readonly compactLock: string;
  readonly compactLockHolder: string;
  /** Held for the moment in which a view is read from the catalog and written. */
  readonly publishLock: string;
  readonly erasures: string;
  /** What upgrades changed, as it was before. */
  readonly backups: string;
  readonly keys: string;
  readonly cache: string;
  readonly views: string;
  readonly tables: string;
  absolute(relative: string): string;
}

export function layout(root: string, project: string): Layout {
  const context = join(root, 'context', project);
  return {
    root,
    context,
    config: join(context, 'config.toml'),
    catalog: join(context, 'meta.sqlite'),
    lock: join(root, 'cache', `${project}.lock`),
    lockHolder: join(root, 'cache', `${project}.lock.json`),
    compactLock: join(root, 'cache', `${project}.compact.lock`),
    compactLockHolder: join(root, 'cache', `${project}.compact.lock.json`),
    publishLock: join(root, 'cache', `${project}.publish.lock`),
    erasures: join(context, 'erasures'),
    backups: join(context, 'backups'),
    keys: join(root, 'keys'),
    cache: join(root, 'cache'),
    views: join(context, 'views'),
    tables: join(context, 'tables'),
    absolute: (relative) => join(context, relative),
  };
}

export const runFolder = (table: TableName, run: RunId, node: NodeId): string =>
  `tables/${table}/data/runs/${run}/${node}`;

export const snapshotFolder = (table: TableName, snapshot: SnapshotId): string =>
  `tables/${table}/data/${SNAPSHOT_PREFIX}${snapshot}`;

export const SNAPSHOT_PREFIX = 'snapshot=';

export const LEDGER_NAME = '_runs.ndjson';

export const deltaFolder = (table: TableName, node: NodeId): string => `tables/${table}/data/delta/${node}`;

export const deltaFile = (table: TableName, node: NodeId, run: RunId): string =>
  `${deltaFolder(table, node)}/${run}.ndjson`;

export const partName = (index: number): string => `part-${String(index).padStart(5, '0')}.parquet`;

export const MANIFEST_NAME = '_manifest.json';

/** Beside parts: what was made of them, to be found by. */
export const INDEXES_NAME = '_indexes';

export const schemaFile = (table: TableName, fingerprint: SchemaFingerprint): string =>
  `tables/${table}/schemas/${fingerprint}.json`;

export const quarantineFile = (table: TableName, run: RunId): string =>
  `tables/${table}/quarantine/${run}.ndjson`;

export const viewFile = (table: TableName): string => `views/${table}.sql`;
