import { join } from 'node:path';
import type { NodeId, RunId, SchemaFingerprint, TableName } from '@hakiri/core';

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
    cache: join(root, 'cache'),
    views: join(context, 'views'),
    tables: join(context, 'tables'),
    absolute: (relative) => join(context, relative),
  };
}

export const runFolder = (table: TableName, run: RunId, node: NodeId): string =>
  `tables/${table}/data/runs/${run}/${node}`;

export const partName = (index: number): string => `part-${String(index).padStart(5, '0')}.parquet`;

export const MANIFEST_NAME = '_manifest.json';

export const schemaFile = (table: TableName, fingerprint: SchemaFingerprint): string =>
  `tables/${table}/schemas/${fingerprint}.json`;

export const quarantineFile = (table: TableName, run: RunId): string =>
  `tables/${table}/quarantine/${run}.ndjson`;

export const viewFile = (table: TableName): string => `views/${table}.sql`;
