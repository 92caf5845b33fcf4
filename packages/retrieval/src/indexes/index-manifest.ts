import { basename, dirname, join } from 'node:path';
import type { IndexSpec } from '@hakiri/core';
import { INDEXES_NAME } from '@hakiri/store';
import { INDEX_FORMAT } from './definition.ts';
import type { WrittenFile } from './file-sink.ts';

/** `_index.json`: what an index has of the parts beside it. A file counts from when it is named here. */
export interface IndexManifest {
  readonly format: number;
  readonly id: string;
  /** With model, dims, metric or analyzer; null for the rows. */
  readonly spec: IndexSpec | null;
  /** By the part's file name. */
  readonly parts: Readonly<Record<string, IndexEntry>>;
}

export interface IndexEntry {
  /** Of the part. */
  readonly rows: number;
  /** One a column of a text index in their order, one of a vector index, one of rows. */
  readonly files: readonly IndexFile[];
}

export interface IndexFile extends WrittenFile {
  readonly name: string;
}

export const INDEX_MANIFEST = '_index.json';
/** Beside the indexes: which row stands where. */
export const ROWS_ID = '_rows';

/** `<part's folder>/_indexes/<id>` */
export const indexFolder = (part: string, id: string): string => join(dirname(part), INDEXES_NAME, id);

export const indexManifestPath = (part: string, id: string): string =>
  join(indexFolder(part, id), INDEX_MANIFEST);

/** What an index has of a part, if it has anything. */
export function entryOf(manifest: IndexManifest | undefined, part: string): IndexEntry | undefined {
  const name = basename(part);
  return manifest && Object.hasOwn(manifest.parts, name) ? manifest.parts[name] : undefined;
}

/** Undefined for text that is no manifest of this format: nothing is there then. */
export function parseIndexManifest(text: string): IndexManifest | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const manifest = found as Partial<IndexManifest> | null;
  if (typeof manifest !== 'object' || manifest === null || manifest.format !== INDEX_FORMAT) return undefined;
  if (typeof manifest.id !== 'string' || typeof manifest.parts !== 'object' || manifest.parts === null) {
    return undefined;
  }
  return Object.values(manifest.parts).every(isEntry) ? (manifest as IndexManifest) : undefined;
}

function isEntry(entry: unknown): boolean {
  const { rows, files } = (entry ?? {}) as Partial<IndexEntry>;
  return Number.isSafeInteger(rows) && Array.isArray(files) && files.every(isFile);
}

function isFile(file: unknown): boolean {
  const { name, bytes, sha256 } = (file ?? {}) as Partial<IndexFile>;
  const isName = typeof name === 'string' && basename(name) === name && name !== '';
  return isName && Number.isSafeInteger(bytes) && typeof sha256 === 'string';
}

export const indexManifestText = (manifest: IndexManifest): string =>
  `${JSON.stringify(manifest, null, 2)}\n`;
