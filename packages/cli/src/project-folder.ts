import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { HakiriError } from '@hakiri/core';
import { requireKnownStores } from '@hakiri/store/format';

export const MANIFEST_FILE = 'hakiri.toml';

/** The nearest folder with a manifest, from `start` upward; undefined when there is none. */
export function findProjectFolder(start: string): string | undefined {
  let folder = resolve(start);
  for (;;) {
    if (existsSync(join(folder, MANIFEST_FILE))) return folder;
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

/**
 * The project to work on: the folder that `--project` names, else the nearest one. Throws `manifest.not_found`, and
 * `store.newer_format` before anybody has touched anything of it.
 */
export function requireProjectFolder(cwd: string, named: string | undefined): string {
  const folder = named === undefined ? findProjectFolder(cwd) : namedFolder(cwd, named);
  if (folder !== undefined) {
    requireKnownFolder(folder);
    return folder;
  }
  const place = named === undefined ? `${cwd} or above it` : resolve(cwd, named);
  throw new HakiriError('manifest.not_found', `there is no ${MANIFEST_FILE} in ${place}`, {
    details: { folder: named === undefined ? cwd : resolve(cwd, named) },
  });
}

/** Throws `store.newer_format` for a folder that a newer Hakiri has worked in. */
export function requireKnownFolder(folder: string): void {
  requireKnownStores(join(folder, '.hakiri'));
}

function namedFolder(cwd: string, named: string): string | undefined {
  const folder = resolve(cwd, named);
  return existsSync(join(folder, MANIFEST_FILE)) ? folder : undefined;
}
