import { dirname, join } from 'node:path';
import type { CatalogTable, Files, IndexSpec } from '@hakiri/core';
import { tableParts } from '@hakiri/core';
import { INDEXES_NAME } from '@hakiri/store';
import { indexId } from './definition.ts';
import {
  entryOf,
  INDEX_MANIFEST,
  type IndexManifest,
  indexManifestPath,
  parseIndexManifest,
  ROWS_ID,
} from './index-manifest.ts';

/** Reads `_index.json` files; those that did not change are not read again. */
export interface IndexManifests {
  /** Undefined where there is none, or none that can be read. */
  at(path: string): Promise<IndexManifest | undefined>;
}

const MAX_KEPT = 8192;

export function indexManifests(files: Files): IndexManifests {
  const kept = new Map<string, { readonly stamp: string; readonly manifest: IndexManifest | undefined }>();
  return {
    async at(path) {
      const stat = await files.stat(path);
      if (!stat) return undefined;
      const stamp = `${stat.sizeBytes} ${stat.modifiedMs}`;
      const known = kept.get(path);
      if (known?.stamp === stamp) return known.manifest;
      const manifest = parseIndexManifest(await files.readText(path));
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(path, { stamp, manifest });
      return manifest;
    },
  };
}

export interface PartPlace {
  /** Absolute. */
  readonly path: string;
  readonly rows: number;
}

/** Where an index stands among the parts of a table. */
export interface Coverage {
  readonly missing: readonly PartPlace[];
  readonly rows: number;
  readonly bytes: number;
}

/** @param id of an index, or `ROWS_ID` */
export async function coverageOf(
  manifests: IndexManifests,
  parts: readonly PartPlace[],
  id: string,
): Promise<Coverage> {
  const missing: PartPlace[] = [];
  let rows = 0;
  let bytes = 0;
  for (const part of parts) {
    const entry = entryOf(await manifests.at(indexManifestPath(part.path, id)), part.path);
    if (entry?.rows !== part.rows) missing.push(part);
    else {
      rows += part.rows;
      bytes += entry.files.reduce((sum, file) => sum + file.bytes, 0);
    }
  }
  return { missing, rows, bytes };
}

export function partsOf(table: CatalogTable, absolute: (relative: string) => string): readonly PartPlace[] {
  return tableParts(table).map(({ path, rows }) => ({ path: absolute(path), rows }));
}

/**
 * What serves in the place of a declared index: that one where it has every part; else what it was before, where
 * that has every part; else as much of it as there is. A twin from before may hold what must be cut out by now.
 */
export async function servingSpec(
  files: Files,
  manifests: IndexManifests,
  parts: readonly PartPlace[],
  declared: IndexSpec,
): Promise<IndexSpec> {
  const { missing } = await coverageOf(manifests, parts, indexId(declared));
  if (missing.length === 0 || declared.scrubbed !== undefined) return declared;
  for (const before of await formerSpecs(files, manifests, parts, declared)) {
    if ((await coverageOf(manifests, parts, indexId(before))).missing.length === 0) return before;
  }
  return declared;
}

/** Other definitions that an index of this name has had, as the folder of the oldest part knows them. */
async function formerSpecs(
  files: Files,
  manifests: IndexManifests,
  parts: readonly PartPlace[],
  { name, kind }: IndexSpec,
): Promise<readonly IndexSpec[]> {
  const [first] = parts;
  if (!first) return [];
  const folder = join(dirname(first.path), INDEXES_NAME);
  const found: IndexSpec[] = [];
  for (const entry of await files.list(folder)) {
    if (!entry.isFolder || entry.name === ROWS_ID) continue;
    const manifest = await manifests.at(join(folder, entry.name, INDEX_MANIFEST));
    const spec = manifest?.spec;
    if (spec?.name === name && spec.kind === kind && indexId(spec) === entry.name) found.push(spec);
  }
  return found;
}
