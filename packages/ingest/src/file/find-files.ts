import { glob, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { HakiriError } from '@hakiri/core';
import { unreadable } from './unreadable.ts';

export interface FoundFile {
  /** As the cursor and messages name it: relative to the manifest's folder, with slashes. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** Every file the patterns match, once, sorted by name. Throws source.file_not_found for a pattern without a match. */
export async function findFiles(patterns: readonly string[], folder: string): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const pattern of patterns) {
    let matches = 0;
    for (const path of await matchesOf(pattern, folder)) {
      const file = await describeFile(path, folder);
      if (file === undefined) continue;
      matches++;
      found.set(file.name, file);
    }
    if (matches === 0) {
      throw new HakiriError('source.file_not_found', `No file matches ${pattern}`, {
        details: { path: pattern },
      });
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Undefined for what is no file. */
export async function describeFile(path: string, folder: string): Promise<FoundFile | undefined> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) return undefined;
    return { name: nameOf(path, folder), path, sizeBytes: stats.size, mtimeMs: stats.mtimeMs };
  } catch (error) {
    throw unreadable(nameOf(path, folder), error);
  }
}

/** A path that exists as it is written is that file, even with brackets or stars in its name. */
async function matchesOf(pattern: string, folder: string): Promise<readonly string[]> {
  const literal = resolve(folder, pattern);
  if (
    await stat(literal).then(
      (stats) => stats.isFile(),
      () => false,
    )
  )
    return [literal];
  const paths: string[] = [];
  for await (const match of glob(pattern, { cwd: folder })) {
    paths.push(isAbsolute(match) ? match : join(folder, match));
  }
  return paths;
}

function nameOf(path: string, folder: string): string {
  return relative(folder, path).split(sep).join('/');
}
