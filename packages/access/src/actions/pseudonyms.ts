import { createHmac, randomBytes } from 'node:crypto';
import { link, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Files, HakiriError } from '@hakiri/core';

/** What a key is for: keys of two labels have nothing to do with each other. */
export type KeyLabel = 'hash' | 'cursor' | 'tokenize-siv' | 'tokenize-stream' | 'audit' | 'rows';

/** What pseudonyms are made with. Whoever holds it turns tokens back, and may try values against hashes. */
export interface Pseudonyms {
  /** 32 bytes. */
  subkey(label: KeyLabel): Buffer;
}

const KEY_BYTES = 32;

/**
 * The pseudonym key of a project, made where there is none. Of several processes that make it at once all have the
 * same: it never changes once it has its name.
 * @throws HakiriError key.invalid where the file is no key, or others can read it
 */
export async function openPseudonyms(files: Files, keysFolder: string): Promise<Pseudonyms> {
  const path = `${keysFolder}/pseudonym.key`;
  if ((await files.stat(path)) === undefined) await makeKey(files, keysFolder, path);
  await refuseShared(path);
  const text = (await files.readText(path)).trim();
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new HakiriError('key.invalid', `${path} is not a pseudonym key`, { details: { path } });
  }
  return pseudonymsOf(Buffer.from(text, 'hex'));
}

/** Of 32 secret bytes. */
export function pseudonymsOf(key: Uint8Array): Pseudonyms {
  const made = new Map<KeyLabel, Buffer>();
  return {
    subkey(label) {
      const known = made.get(label);
      if (known !== undefined) return known;
      const subkey = createHmac('sha256', key).update(`hakiri/${label}`).digest();
      made.set(label, subkey);
      return subkey;
    },
  };
}

async function refuseShared(path: string): Promise<void> {
  if (process.platform === 'win32' || ((await stat(path)).mode & 0o077) === 0) return;
  throw new HakiriError('key.invalid', `${path} can be read by others`, {
    hint: `Run \`chmod 600 ${path}\`.`,
    details: { path },
  });
}

async function makeKey(files: Files, folder: string, path: string): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  await files.makeFolder(folder, 0o700);
  // A project is often in git, and this is the one folder of it that must never be.
  await files.write(`${folder}/.gitignore`, '*\n');
  await files.write(temporary, `${randomBytes(KEY_BYTES).toString('hex')}\n`, 0o600);
  try {
    await files.sync(temporary);
    // A rename would take the place of a key that another process made just now, and has used.
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return;
      throw new HakiriError('store.io', `${error.code} while making ${path}`, { cause: error });
    });
  } finally {
    await files.remove(temporary);
  }
  await files.syncFolder(folder);
  await files.syncFolder(dirname(folder));
}
