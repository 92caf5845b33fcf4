import { basename } from 'node:path';
import type { ErasureTarget, Files, TableName } from '@hakiri/core';
import { INDEXES_NAME, type Layout } from '../disk/layout.ts';
import { sidecarPath } from '../rows/sidecar-file.ts';
import type { StoreContext } from '../store-context.ts';

type Place = { readonly files: Files; readonly paths: Layout };

/** What is made again when it is needed, the store's own and whatever else it was told of. */
export function erasureTargets(context: StoreContext): readonly ErasureTarget[] {
  const others = context.erasureTargets.length > 0 ? context.erasureTargets : [searchCaches(context)];
  return [indexes(context), rowSidecars(context), leftovers(context), backups(context), ...others];
}

/** Beside parts; a part that did not change is indexed again with the others. */
function indexes({ files, paths }: Place): ErasureTarget {
  const found = async (tables: readonly TableName[]): Promise<readonly string[]> => {
    const folders: string[] = [];
    for (const table of tables) folders.push(...(await indexFolders(files, `${paths.tables}/${table}/data`)));
    return folders;
  };
  return {
    name: 'indexes',
    async erase(tables) {
      for (const folder of await found(tables)) await files.removeTree(folder);
    },
    remains: found,
  };
}

/** Vectors and graphs that a build with search has left, in one that has none and cannot look into them. */
function searchCaches({ files, paths }: Place): ErasureTarget {
  const project = basename(paths.context);
  const own = (tables: readonly TableName[]): readonly string[] =>
    tables.flatMap((table) => [
      `${paths.cache}/embeddings/${project}/${table}`,
      `${paths.cache}/graphs/${project}/${table}`,
    ]);
  return {
    name: 'search caches',
    async erase(tables) {
      for (const folder of own(tables)) await files.removeTree(folder);
    },
    remains: (tables) => existing(files, own(tables)),
  };
}

async function indexFolders(files: Files, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, isFolder } of await files.list(folder)) {
    if (!isFolder) continue;
    const path = `${folder}/${name}`;
    if (name === INDEXES_NAME) found.push(path);
    else found.push(...(await indexFolders(files, path)));
  }
  return found;
}

/** Dropped whole: what was superseded long ago may still stand in pages that are free. */
function rowSidecars({ files, paths }: Place): ErasureTarget {
  const own = (table: TableName): readonly string[] => {
    const path = sidecarPath(paths.cache, basename(paths.context), table);
    // The file itself last: whoever finds it gone must not find the old one's log beside it.
    return [`${path}-wal`, `${path}-shm`, path];
  };
  return {
    name: 'row sidecars',
    async erase(tables) {
      for (const path of tables.flatMap(own)) await files.remove(path);
    },
    // A reader may have made it anew meanwhile; a log without its file was left.
    async remains(tables) {
      const left: string[] = [];
      for (const table of tables) {
        const found = await existing(files, own(table));
        if (found.length > 0 && !found.some((path) => path.endsWith('.sqlite'))) left.push(...found);
      }
      return left;
    },
  };
}

/** Records on their way in or out, left by a process that died. Nobody works on them: the caller has both locks. */
function leftovers({ files, paths }: Place): ErasureTarget {
  const spool = `${paths.cache}/spool/${basename(paths.context)}`;
  const found = async (): Promise<readonly string[]> => {
    const cache = (await files.list(paths.cache)).map(({ name }) => name);
    const context = (await files.list(paths.context)).map(({ name }) => name);
    return [
      ...(await files.list(spool)).map(({ name }) => `${spool}/${name}`),
      ...cache.filter((name) => name.endsWith('.hakiri-export')).map((name) => `${paths.cache}/${name}`),
      // Catalogs that were lost and made again, and files that were about to be put in the place of others.
      ...context
        .filter((name) => name.startsWith(`${basename(paths.catalog)}.`) || name.endsWith('.tmp'))
        .map((name) => `${paths.context}/${name}`),
      ...(await temporaryFiles(files, paths.tables)),
      ...(await temporaryFiles(files, paths.views)),
    ];
  };
  return {
    name: 'leftovers',
    async erase() {
      for (const path of await found()) await files.removeTree(path);
    },
    remains: found,
  };
}

/** A catalog names keys, orders and cursors. Beside files that were rewritten an old one is of no use any more. */
function backups({ files, paths }: Place): ErasureTarget {
  const found = async (): Promise<readonly string[]> =>
    (await files.list(paths.backups)).map(({ name }) => `${paths.backups}/${name}`);
  return {
    name: 'backups',
    async erase() {
      if ((await found()).length === 0) return;
      await files.removeTree(paths.backups);
      await files.syncFolder(paths.context);
    },
    remains: found,
  };
}

async function temporaryFiles(files: Files, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, isFolder } of await files.list(folder)) {
    const path = `${folder}/${name}`;
    if (isFolder) found.push(...(await temporaryFiles(files, path)));
    else if (name.endsWith('.tmp')) found.push(path);
  }
  return found;
}

async function existing(files: Files, candidates: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of candidates) if (await files.stat(path)) found.push(path);
  return found;
}
