import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HakiriError } from '@hakiri/core';

export interface Token {
  readonly value: string;
  /** Whether it was made just now: then it is to be shown, once. */
  readonly isNew: boolean;
}

const BYTES = 32;

/**
 * What a caller over HTTP has to know: made at the first start, kept for whoever runs the daemon alone.
 * @throws HakiriError secret.file_mode when others can read it, secret.missing when it is not one
 */
export function ensureToken(path: string): Token {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const made = randomBytes(BYTES).toString('base64url');
  try {
    // Of two that start at once, one makes it.
    writeFileSync(path, `${made}\n`, { mode: 0o600, flag: 'wx' });
    return { value: made, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new HakiriError('secret.file_mode', `${path} can be read by other users`, {
      hint: `Remove it and start again: a new token is made. What knew the old one has to be told.`,
      details: { path },
    });
  }
  const value = readFileSync(path, 'utf8').trim();
  if (value.length < BYTES) {
    throw new HakiriError('secret.missing', `${path} holds no token`, {
      hint: 'Remove it and start again: a new token is made.',
      details: { path },
    });
  }
  return { value, isNew: false };
}
