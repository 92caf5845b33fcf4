import { randomBytes } from 'node:crypto';
import { link, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Files, HakiriError } from '@hakiri/core';
import { type SigningKey, signingKeyOf } from './signing-key.ts';

const SIGNING = 'signing.key';
/** Made for a rotation that has not come to its end: the manifest may name it already. */
const NEXT = 'signing.key.next';
const PSEUDONYM = 'pseudonym.key';
const SECRET = /^[0-9a-f]{64}$/;

/** Undefined where there is none. @throws HakiriError key.invalid for a damaged one, and one that others can read */
export async function readSigningKey(files: Files, folder: string): Promise<SigningKey | undefined> {
  const secret = await readSecret(files, `${folder}/${SIGNING}`);
  return secret === undefined ? undefined : signingKeyOf(Buffer.from(secret, 'hex'));
}

/** @throws HakiriError key.missing, key.invalid */
export async function requireSigningKey(files: Files, folder: string): Promise<SigningKey> {
  const key = await readSigningKey(files, folder);
  if (key !== undefined) return key;
  throw new HakiriError('key.missing', `There is no ${folder}/${SIGNING}`);
}

/** Made where there is none: of several processes that make one at once all have the same. @throws HakiriError key.invalid */
export async function ensureSigningKey(files: Files, folder: string): Promise<SigningKey> {
  await makeSecret(files, folder, SIGNING);
  return requireSigningKey(files, folder);
}

/**
 * Another key in the place of the one that is there.
 * @param publish makes the new one's public half known; whoever verifies has to know it before anything is signed
 * @throws HakiriError key.missing, key.invalid
 */
export async function rotateSigningKey(
  files: Files,
  folder: string,
  publish: (next: SigningKey) => Promise<void>,
): Promise<SigningKey> {
  await requireSigningKey(files, folder);
  await makeSecret(files, folder, NEXT);
  const secret = await readSecret(files, `${folder}/${NEXT}`);
  if (secret === undefined) throw new HakiriError('internal', `${folder}/${NEXT} has gone`);
  const next = signingKeyOf(Buffer.from(secret, 'hex'));
  await publish(next);
  await files.rename(`${folder}/${NEXT}`, `${folder}/${SIGNING}`);
  await files.syncFolder(folder);
  return next;
}

/** What `exportKeys` writes: everything that another machine needs to be the same project. */
interface KeyFile {
  readonly format: 1;
  readonly signing?: string;
  readonly pseudonym?: string;
}

/**
 * A new file with the keys that are there, readable by its owner alone.
 * @throws HakiriError key.missing where there is none; key.exists where the file is there; key.invalid
 */
export async function exportKeys(files: Files, folder: string, to: string): Promise<void> {
  const signing = await readSecret(files, `${folder}/${SIGNING}`);
  const pseudonym = await readSecret(files, `${folder}/${PSEUDONYM}`);
  if (signing === undefined && pseudonym === undefined) {
    throw new HakiriError('key.missing', `There is no key in ${folder}`);
  }
  const content: KeyFile = { format: 1, ...(signing && { signing }), ...(pseudonym && { pseudonym }) };
  if (!(await writeSecretly(files, to, `${JSON.stringify(content)}\n`))) {
    throw new HakiriError('key.exists', `${to} is there already`, { hint: 'Name another file.' });
  }
}

/**
 * Takes the keys of an exported file over. A key that is there already stays.
 * @throws HakiriError key.invalid for another file; key.exists where another key is there
 */
export async function importKeys(files: Files, folder: string, from: string): Promise<void> {
  const { signing, pseudonym } = parseKeyFile(await files.readText(from), from);
  const taken: readonly (readonly [string, string | undefined])[] = [
    [SIGNING, signing],
    [PSEUDONYM, pseudonym],
  ];
  for (const [name, secret] of taken) {
    const there = await readSecret(files, `${folder}/${name}`);
    if (secret !== undefined && there !== undefined && there !== secret) {
      throw new HakiriError('key.exists', `${folder}/${name} is another key`, {
        hint: 'What was made with it would not be known any more: move it away first if that is meant.',
      });
    }
  }
  for (const [name, secret] of taken) if (secret !== undefined) await makeSecret(files, folder, name, secret);
}

function parseKeyFile(text: string, path: string): KeyFile {
  try {
    const { format, signing, pseudonym } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const isSecret = (value: unknown): boolean => typeof value === 'string' && SECRET.test(value);
    const held = [signing, pseudonym].filter((value) => value !== undefined);
    if (format === 1 && held.length > 0 && held.every(isSecret)) {
      return {
        format,
        ...(typeof signing === 'string' && { signing }),
        ...(typeof pseudonym === 'string' && { pseudonym }),
      };
    }
  } catch {}
  throw new HakiriError('key.invalid', `${path} does not hold keys`, {
    hint: 'Give a file that `hakiri key export` wrote.',
  });
}

async function readSecret(files: Files, path: string): Promise<string | undefined> {
  if ((await files.stat(path)) === undefined) return undefined;
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) {
    throw new HakiriError('key.invalid', `${path} can be read by other users`, {
      hint: `Run \`chmod 600 ${path}\`; where others may have read it, rotate the key.`,
      details: { path },
    });
  }
  const text = (await files.readText(path)).trim();
  if (SECRET.test(text)) return text;
  throw new HakiriError('key.invalid', `${path} is not a key`, { details: { path } });
}

async function makeSecret(
  files: Files,
  folder: string,
  name: string,
  secret = randomBytes(32).toString('hex'),
): Promise<void> {
  if ((await files.stat(`${folder}/${name}`)) !== undefined) return;
  await files.makeFolder(folder, 0o700);
  // A project is often in git, and this is the one folder of it that must never be.
  await files.write(`${folder}/.gitignore`, '*\n');
  await writeSecretly(files, `${folder}/${name}`, `${secret}\n`);
  await files.syncFolder(dirname(folder));
}

/** Whether it is ours: a rename would take the place of what another process made just now, and has used. */
async function writeSecretly(files: Files, path: string, content: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  await files.write(temporary, content, 0o600);
  try {
    await files.sync(temporary);
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error instanceof HakiriError
      ? error
      : new HakiriError('store.io', `${(error as NodeJS.ErrnoException).code} while writing ${path}`, {
          cause: error,
        });
  } finally {
    await files.remove(temporary);
  }
  await files.syncFolder(dirname(path));
  return true;
}
