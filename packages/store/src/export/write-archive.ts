import { dirname } from 'node:path';
import { type CatalogTable, type Files, HakiriError, type SnapshotManifest, tableParts } from '@hakiri/core';
import type { TarSource } from 'modern-tar/fs';
import { readDelta } from '../delta/delta-file.ts';
import { MANIFEST_NAME, snapshotFolder, viewFile } from '../disk/layout.ts';
import type { Store } from '../store.ts';
import { viewStatement } from '../view/view-sql.ts';
import { archiveReadme } from './archive-readme.ts';

export interface ArchiveOptions {
  readonly files: Files;
  /** As the catalog has them at one moment: what is committed while they are written is not in the archive. */
  readonly tables: readonly CatalogTable[];
  /** Takes the archive piece by piece; the next one waits until it has. */
  write(bytes: Uint8Array): Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes tables as one tar (POSIX pax): their current files under the paths they have in the store, and what it
 * takes to read them. No keys, no erasures, nothing of the cache. Memory does not grow with the tables.
 * @throws HakiriError store.damaged when a file is missing, interrupted
 */
export async function writeArchive(
  { paths, catalog }: Pick<Store, 'paths' | 'catalog'>,
  { files, tables, write, signal }: ArchiveOptions,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const stored: string[] = ['config.toml'];
  const made: TarSource[] = [text('README.txt', archiveReadme(tables))];
  for (const table of tables) {
    stored.push(...(await storedFiles({ paths, catalog }, files, table)));
    made.push(text(viewFile(table.name), viewText(table)));
    for (const { path } of table.deltas) {
      made.push(text(path, await wholeLines(files, paths.absolute(path))));
    }
  }
  const sources = [
    ...made,
    ...[...new Set(stored)].map(
      (path): TarSource => ({
        type: 'file',
        source: paths.absolute(path),
        target: path,
        mode: 0o644,
        uid: 0,
        gid: 0,
      }),
    ),
  ];
  for (const path of stored) {
    if (!(await files.stat(paths.absolute(path)))) throw missing(path);
  }
  const { packTar } = await import('modern-tar/fs');
  const stream = packTar(sources, { concurrency: 2 });
  const onAbort = () => stream.destroy(new HakiriError('interrupted', 'The export was stopped'));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      await write(chunk);
      bytes += chunk.length;
    }
    return { files: sources.length, bytes };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw missing((error as NodeJS.ErrnoException).path ?? 'a file', error);
    }
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stream.destroy();
  }
}

/** Parts, the manifests that name them, and schemas: written once, never changed. */
async function storedFiles(
  { paths, catalog }: Pick<Store, 'paths' | 'catalog'>,
  files: Files,
  table: CatalogTable,
): Promise<readonly string[]> {
  const schemas = `tables/${table.name}/schemas`;
  const partless = (await catalog.uncovered(table.name)).filter(({ parts }) => parts.length === 0);
  return [
    ...(await files.list(paths.absolute(schemas)))
      .filter(({ name }) => name.endsWith('.json'))
      .map(({ name }) => `${schemas}/${name}`),
    ...tableParts(table).map(({ path }) => path),
    ...table.newer.map(({ path }) => `${dirname(path)}/${MANIFEST_NAME}`),
    // They hold the cursor where a pull found nothing new.
    ...partless.map(({ run, node }) => `tables/${table.name}/data/runs/${run}/${node}/${MANIFEST_NAME}`),
    ...(table.snapshot === undefined ? [] : snapshotFiles(table.snapshot.manifest)),
  ];
}

function snapshotFiles({ table, snapshot, ledger }: SnapshotManifest): readonly string[] {
  return [`${snapshotFolder(table, snapshot)}/${MANIFEST_NAME}`, ...ledger.map(({ path }) => path)];
}

/** What was acknowledged when it was read: the file still grows. */
async function wholeLines(files: Files, path: string): Promise<Uint8Array> {
  const { wholeBytes } = await readDelta(files, path);
  return (await files.readBytes(path)).subarray(0, wholeBytes);
}

function viewText(table: CatalogTable): string {
  return `-- Table ${table.name}, one row a key, as of ${table.lastCommit}. Written by Hakiri for this archive.
-- Run the duckdb CLI from the folder above this one: duckdb -c ".read ${viewFile(table.name)}" -c "FROM ${table.name}"
${viewStatement(table, { path: (relative) => relative, provenance: true })}`;
}

function text(target: string, content: string | Uint8Array): TarSource {
  return { type: 'content', target, content, mode: 0o644, uid: 0, gid: 0 };
}

function missing(path: string, cause?: unknown): HakiriError {
  return new HakiriError('store.damaged', `A file of the store is missing: ${path}`, {
    hint: 'If rows were forgotten meanwhile, export again; otherwise run `hakiri doctor`.',
    cause,
  });
}
