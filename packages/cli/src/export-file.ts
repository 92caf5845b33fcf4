import { existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HakiriError } from '@hakiri/core';
import { fileError } from './write-file.ts';

/** Beside a file to be, and in the cache, where `forget` knows it by its ending. */
const LEFTOVER = /^\..+\.(\d+)\.hakiri-export$/;

/**
 * Makes a file beside where it is to be, and puts it there once it is whole and on the disk: a reader sees all of
 * it or nothing. Whatever happens, nothing else is left; what a killed process left is removed by the next one.
 * @throws HakiriError usage.argument when the file exists, store.disk_full, store.read_only, store.io
 */
export async function makeFile<T>(
  path: string,
  options: { readonly replace: boolean; readonly onTemporary: (path: string) => void },
  fill: (temporary: string) => Promise<T>,
): Promise<T> {
  refuseExisting(path, options);
  const temporary = temporaryBeside(path);
  options.onTemporary(temporary);
  try {
    removeLeftovers(dirname(path));
    await (await open(temporary, 'wx')).close();
    const filled = await fill(temporary);
    const file = await open(temporary, 'r+');
    await file.sync().finally(() => file.close());
    refuseExisting(path, options);
    await rename(temporary, path);
    return filled;
  } catch (error) {
    throw fileError(path, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * A file in the cache for as long as it is used.
 * @throws HakiriError store.disk_full, store.read_only, store.io
 */
export async function withCacheFile<T>(
  cache: string,
  options: { readonly onTemporary: (path: string) => void },
  use: (path: string) => Promise<T>,
): Promise<T> {
  const path = temporaryBeside(join(cache, 'rows'));
  options.onTemporary(path);
  try {
    await mkdir(cache, { recursive: true });
    removeLeftovers(cache);
    return await use(path);
  } catch (error) {
    throw fileError(path, error);
  } finally {
    await rm(path, { force: true });
  }
}

/** Removes what processes that are gone were making. Best effort: what cannot be removed harms nobody. */
export function removeLeftovers(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const pid = LEFTOVER.exec(name)?.[1];
      if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true });
    }
  } catch {
    // A folder that cannot be listed is told by whatever is done with it next.
  }
}

function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.hakiri-export`);
}

function refuseExisting(path: string, { replace }: { readonly replace: boolean }): void {
  if (replace || !existsSync(path)) return;
  throw new HakiriError('usage.argument', `${path} exists already`, {
    hint: 'Choose another name, or replace it with --force.',
    details: { path },
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
