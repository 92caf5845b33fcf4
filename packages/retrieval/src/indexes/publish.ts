import { basename, dirname, join } from 'node:path';
import type { Files, IndexSpec } from '@hakiri/core';
import { INDEXES_NAME, writeDurably } from '@hakiri/store';
import type { BuiltPart } from './build-request.ts';
import { INDEX_FORMAT, indexId } from './definition.ts';
import {
  type IndexEntry,
  type IndexManifest,
  indexFolder,
  indexManifestPath,
  indexManifestText,
  parseIndexManifest,
} from './index-manifest.ts';

/**
 * Makes what was built count: the files are flushed, then `_index.json` of each index names them, durably and at
 * once. What it named before of the same part is removed.
 * @throws HakiriError store.disk_full, store.io
 */
export async function publishBuilt(
  files: Files,
  specs: readonly IndexSpec[],
  parts: readonly BuiltPart[],
): Promise<void> {
  const specOf = new Map(specs.map((spec) => [indexId(spec), spec]));
  const byFolder = new Map<string, { readonly id: string; readonly parts: Map<string, IndexEntry> }>();
  for (const { path, rows, built } of parts) {
    for (const { id, files: made } of built) {
      const folder = indexFolder(path, id);
      const into = byFolder.get(folder) ?? { id, parts: new Map<string, IndexEntry>() };
      into.parts.set(path, { rows, files: made });
      byFolder.set(folder, into);
      for (const { name } of made) await files.sync(join(folder, name));
    }
  }
  for (const [folder, { id, parts: entries }] of byFolder) {
    const [[first] = ['']] = entries;
    const path = indexManifestPath(first, id);
    const before = (await files.stat(path)) ? parseIndexManifest(await files.readText(path)) : undefined;
    const named = [...entries].map(([part, entry]) => [basename(part), entry] as const);
    const manifest: IndexManifest = {
      format: INDEX_FORMAT,
      id,
      spec: specOf.get(id) ?? null,
      parts: { ...before?.parts, ...Object.fromEntries(named) },
    };
    await writeDurably(files, path, indexManifestText(manifest));
    await removeUnnamed(files, folder, manifest);
  }
  const folders = new Set([...byFolder.keys()].map((folder) => dirname(dirname(folder))));
  for (const folder of folders) {
    await files.syncFolder(join(folder, INDEXES_NAME));
    await files.syncFolder(folder);
  }
}

/** Files of an earlier attempt, or that another took the place of. Whoever has them open keeps them. */
export async function removeUnnamed(files: Files, folder: string, manifest: IndexManifest): Promise<void> {
  const named = new Set(
    Object.values(manifest.parts).flatMap((entry) => entry.files.map(({ name }) => name)),
  );
  for (const { name, isFolder } of await files.list(folder)) {
    if (!isFolder && !named.has(name) && !name.startsWith('_index.json'))
      await files.remove(join(folder, name));
  }
}
