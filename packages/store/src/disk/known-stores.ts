import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { versionInFile } from '../catalog/version-in-file.ts';
import { layout } from './layout.ts';
import { formatIn, newerFormat, STORE_FORMAT } from './store-format.ts';

/**
 * Looks whether a `.hakiri` folder is of a newer Hakiri, before anything in it is opened, made or removed: keys, log
 * and caches are shared by its stores and have no format of their own. What cannot be read is left to who opens it.
 * @throws HakiriError store.newer_format
 */
export function requireKnownStores(root: string): void {
  for (const project of projects(root)) {
    const paths = layout(root, project);
    const format = configFormat(paths.config);
    if (format !== undefined && format > STORE_FORMAT) throw newerFormat(paths.context, format);
    const version = versionInFile(paths.catalog);
    if (version > STORE_FORMAT) throw newerFormat(paths.catalog, version);
  }
}

function projects(root: string): readonly string[] {
  try {
    return readdirSync(join(root, 'context'));
  } catch {
    return [];
  }
}

function configFormat(path: string): number | undefined {
  try {
    return formatIn(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
