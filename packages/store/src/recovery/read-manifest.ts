import {
  type Files,
  HakiriError,
  isUlid,
  parseArrowJson,
  type RunManifest,
  type SchemaFingerprint,
  type TableSchema,
} from '@hakiri/core';
import { z } from 'zod';
import { type Layout, schemaFile } from '../disk/layout.ts';

const ulid = z.string().refine(isUlid, 'not a ULID');
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);
/** Inside the store: no path leads out of it. */
const relativePath = z.string().regex(/^tables\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\\]+$/);

const runManifest = z.strictObject({
  format: z.literal(1),
  run: ulid,
  job: ulid,
  node: ulid,
  table: z.string().regex(/^[a-z][a-z0-9_]*$/),
  mode: z.enum(['merge', 'append']),
  primary_key: z.array(z.string()),
  incremental: z.string().nullable(),
  pipeline: z.string(),
  source_table: z.string(),
  parts: z.array(
    z.strictObject({
      path: relativePath,
      rows: z.int().positive(),
      bytes: z.int().positive(),
      sha256: fingerprint,
      schema: fingerprint,
    }),
  ),
  schema: fingerprint,
  schema_changes: z.array(z.string()),
  input_schema: fingerprint,
  cursor: z.strictObject({ before: z.string().nullable(), after: z.string().nullable() }),
  greatest_order: z.string().nullable(),
  quarantine: z.strictObject({ path: relativePath, rows: z.int().positive() }).nullable(),
  lineage: z.strictObject({
    connector: z.string(),
    connectorVersion: z.string(),
    author: z.string(),
    componentHash: z.string().nullable(),
    manifestHash: z.string(),
  }),
  lease_generation: z.int().nonnegative(),
  started_at: z.string(),
  committed_at: z.string(),
});

export interface ReadManifest {
  readonly manifest: RunManifest;
  readonly schemas: ReadonlyMap<SchemaFingerprint, TableSchema>;
}

/**
 * Reads a run's manifest with every schema it names, and checks that its parts are there in full size.
 * @throws HakiriError store.damaged naming the file
 */
export async function readManifestFile(files: Files, paths: Layout, path: string): Promise<ReadManifest> {
  const manifest = parse(await files.readText(path), path);
  for (const part of manifest.parts) {
    const found = await files.stat(paths.absolute(part.path));
    if (found?.sizeBytes !== part.bytes) {
      throw new HakiriError(
        'store.damaged',
        `${part.path} is ${found ? 'not of the size in its manifest' : 'missing'}`,
        {
          details: { path: part.path },
        },
      );
    }
  }
  const names = new Set([
    manifest.schema,
    manifest.input_schema,
    ...manifest.parts.map(({ schema }) => schema),
  ]);
  const schemas = new Map<SchemaFingerprint, TableSchema>();
  for (const name of names) {
    schemas.set(name, parseArrowJson(await files.readText(paths.absolute(schemaFile(manifest.table, name)))));
  }
  return { manifest, schemas };
}

function parse(text: string, path: string): RunManifest {
  try {
    return runManifest.parse(JSON.parse(text)) as unknown as RunManifest;
  } catch (cause) {
    throw new HakiriError('store.damaged', `${path} is not a run's manifest`, { cause, details: { path } });
  }
}
