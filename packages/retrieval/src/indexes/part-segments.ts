import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { IndexSpec } from '@hakiri/core';
import { openTextSegment, type TextSegment } from '../text/index.ts';
import { openVectorSegment, type VectorSegment } from '../vector/index.ts';
import { indexId } from './definition.ts';
import { forgetDiskFile, openDiskFile } from './disk-file.ts';
import { damagedIndex } from './index-error.ts';
import {
  entryOf,
  type IndexEntry,
  type IndexFile,
  type IndexManifest,
  indexFolder,
  indexManifestPath,
  parseIndexManifest,
  ROWS_ID,
} from './index-manifest.ts';
import type { IndexedPart } from './indexed-table.ts';
import type { RowIdentities } from './opened-table.ts';
import { openRowsFile } from './rows-file.ts';

/** What is open of a part. */
export interface PartSegments {
  /** Undefined where nothing was built. @throws HakiriError index.damaged, store.io */
  identities(): RowIdentities | undefined;
  /** Undefined where the index is behind. @throws HakiriError index.damaged, store.io */
  of(spec: IndexSpec): readonly TextSegment[] | VectorSegment | undefined;
  close(): void;
}

type Opened = readonly TextSegment[] | VectorSegment;

/** Opens the files of a part as they are asked for. What `_index.json` names is looked at each time. */
export function openPart(part: IndexedPart): PartSegments {
  const paths = new Set<string>();
  const segments = new Map<string, { readonly entry: IndexEntry; readonly opened: Opened }>();
  let rows: { readonly entry: IndexEntry; readonly opened: RowIdentities } | undefined;

  const open = (folder: string, { name, bytes }: IndexFile) => {
    const path = join(folder, name);
    paths.add(path);
    const file = openDiskFile(path);
    if (file.bytes !== bytes) throw damagedIndex(path, 'it is of another size than was written');
    return { path, file };
  };

  const openRows = (entry: IndexEntry): RowIdentities => {
    const [only] = entry.files;
    if (!only) throw damagedIndex(indexManifestPath(part.path, ROWS_ID), 'it names no file');
    const { path, file } = open(indexFolder(part.path, ROWS_ID), only);
    return openRowsFile(file, path, part.rows);
  };

  const openSegments = (spec: IndexSpec, id: string, entry: IndexEntry): Opened => {
    const folder = indexFolder(part.path, id);
    const expected = spec.kind === 'fts' ? spec.columns.length : 1;
    if (entry.files.length !== expected || entry.rows !== part.rows) {
      throw damagedIndex(indexManifestPath(part.path, id), 'it does not fit the part');
    }
    const files = entry.files.map((file) => open(folder, file));
    if (spec.kind === 'vector') {
      return openVectorSegment(files[0]!.file, { ...spec, rows: part.rows });
    }
    return files.map(({ path, file }) => {
      const segment = openTextSegment((offset, length) => file.read(offset, length), file.bytes);
      if (segment.rows !== part.rows || segment.analyzer !== spec.analyzer) {
        throw damagedIndex(path, 'it is of another part or analyzer');
      }
      return segment;
    });
  };

  return {
    identities() {
      const entry = entryFor(part, ROWS_ID);
      if (!entry) return undefined;
      if (!rows || !sameFiles(rows.entry, entry)) rows = { entry, opened: openRows(entry) };
      return rows.opened;
    },
    of(spec) {
      const id = indexId(spec);
      const entry = entryFor(part, id);
      if (!entry) return undefined;
      const known = segments.get(id);
      if (known && sameFiles(known.entry, entry)) return known.opened;
      const opened = openSegments(spec, id, entry);
      segments.set(id, { entry, opened });
      return opened;
    },
    close() {
      for (const path of paths) forgetDiskFile(path);
      for (const { opened } of segments.values()) if ('release' in opened) opened.release();
    },
  };
}

/** A file that is made anew has another name. */
const sameFiles = (a: IndexEntry, b: IndexEntry): boolean =>
  a === b || JSON.stringify(a.files) === JSON.stringify(b.files);

/** Manifests that were read, with what told them from the next. */
const manifests = new Map<string, { readonly stamp: string; readonly manifest: IndexManifest | undefined }>();
const MAX_MANIFESTS = 4096;

function entryFor(part: IndexedPart, id: string): IndexEntry | undefined {
  const path = indexManifestPath(part.path, id);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const stamp = `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  let known = manifests.get(path);
  if (known?.stamp !== stamp) {
    known = { stamp, manifest: parseIndexManifest(readFileSync(path, 'utf8')) };
    if (manifests.size >= MAX_MANIFESTS) manifests.clear();
    manifests.set(path, known);
  }
  if (known.manifest === undefined) throw damagedIndex(path, `${basename(path)} cannot be read`);
  return entryOf(known.manifest, part.path);
}
