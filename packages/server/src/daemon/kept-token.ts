import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HakiriError, isHakiriError } from '@hakiri/core';

export interface KeptToken {
  readonly value: string;
  /** Whether it was made just now: then it is to be shown, once. */
  readonly isNew: boolean;
  /** Why the one that was kept is of no use any more; undefined where there was none. */
  readonly replaced: string | undefined;
}

export interface TokenKeeping {
  make(): Promise<string>;
  /** @throws HakiriError token.* where it is of no use */
  check(token: string): Promise<unknown>;
}

/**
 * What a caller over HTTP may send who has nothing else: made at the first start, kept for whoever runs the daemon
 * alone, and made anew when the kept one is refused. Only for whoever holds the daemon's lock.
 * @throws HakiriError secret.file_mode when others can read it
 */
export async function keptToken(path: string, { make, check }: TokenKeeping): Promise<KeptToken> {
  const kept = read(path);
  const replaced = kept === undefined ? undefined : await whyRefused(kept, check);
  if (kept !== undefined && replaced === undefined) return { value: kept, isNew: false, replaced };
  const value = await make();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const made = `${path}.${process.pid}`;
  writeFileSync(made, `${value}\n`, { mode: 0o600 });
  renameSync(made, path);
  return { value, isNew: true, replaced };
}

function read(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if ((found.mode & 0o077) !== 0) {
    throw new HakiriError('secret.file_mode', `${path} can be read by other users`, {
      hint: 'Revoke the token with `hakiri token revoke`, remove the file and start again: a new one is made.',
      details: { path },
    });
  }
  return readFileSync(path, 'utf8').trim();
}

async function whyRefused(token: string, check: TokenKeeping['check']): Promise<string | undefined> {
  try {
    await check(token);
    return undefined;
  } catch (error) {
    if (isHakiriError(error) && error.code.startsWith('token.')) return error.message;
    throw error;
  }
}
