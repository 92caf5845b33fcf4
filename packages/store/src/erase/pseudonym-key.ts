import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { type Files, HakiriError } from '@hakiri/core';
import type { Layout } from '../disk/layout.ts';

const KEY_BYTES = 32;

const keyFile = (paths: Layout): string => `${paths.keys}/pseudonym.key`;

/** @throws HakiriError store.key_missing when it is not there, or is not a key */
export async function readPseudonymKey(files: Files, paths: Layout): Promise<Buffer> {
  const path = keyFile(paths);
  const text = (await files.stat(path)) ? (await files.readText(path)).trim() : '';
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  throw new HakiriError('store.key_missing', `${path} is missing or damaged`);
}

/** Makes the key where there is none. It never changes: what it made would not be recognised any more. */
export async function ensurePseudonymKey(files: Files, paths: Layout): Promise<Buffer> {
  const path = keyFile(paths);
  if (!(await files.stat(path))) {
    const temporary = `${path}.tmp`;
    await files.makeFolder(paths.keys, 0o700);
    await files.write(`${paths.keys}/.gitignore`, '*\n');
    // A file that is there keeps its mode.
    await files.remove(temporary);
    await files.write(temporary, `${randomBytes(KEY_BYTES).toString('hex')}\n`, 0o600);
    await files.sync(temporary);
    await files.rename(temporary, path);
    await files.syncFolder(paths.keys);
    await files.syncFolder(dirname(paths.keys));
  }
  return readPseudonymKey(files, paths);
}
