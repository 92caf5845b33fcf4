import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Files, HakiriError } from '@hakiri/core';

/** What was revoked: a file a block in `revoked/`, which only grows. */
export interface Revocations {
  /** @param id of a block, in hex. @throws HakiriError store.io where it cannot be told */
  isRevoked(id: string): boolean;
  /** Is on the disk when it resolves. Whether it was not there before. */
  revoke(id: string, revocation: Revocation): Promise<boolean>;
  /** Sorted. */
  list(): Promise<readonly string[]>;
}

export interface Revocation {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly reason?: string | undefined;
}

const ID = /^[0-9a-f]{128}$/;

export function openRevocations(files: Files, folder: string): Revocations {
  const path = (id: string): string => `${folder}/${id}.json`;
  return {
    // Asked of the disk each time, so that it holds from the next request on. Some microseconds; by way of the
    // thread pool it is more than the rest of the check, and varies.
    isRevoked(id) {
      try {
        return statSync(path(id), { throwIfNoEntry: false }) !== undefined;
      } catch (cause) {
        throw new HakiriError('store.io', `${folder} cannot be read`, { cause });
      }
    },
    async revoke(id, { atMs, reason }) {
      if (!ID.test(id)) throw new HakiriError('usage.argument', `"${id}" is not the id of a token`);
      if ((await files.stat(path(id))) !== undefined) return false;
      const record = { format: 1, id, revoked_at: new Date(atMs).toISOString(), reason };
      const temporary = `${path(id)}.${randomBytes(8).toString('hex')}.tmp`;
      await files.makeFolder(folder);
      await files.write(temporary, `${JSON.stringify(record)}\n`);
      await files.sync(temporary);
      await files.rename(temporary, path(id));
      await files.syncFolder(folder);
      await files.syncFolder(dirname(folder));
      return true;
    },
    async list() {
      const names = (await files.list(folder)).map(({ name }) => name.replace(/\.json$/, ''));
      return names.filter((name) => ID.test(name));
    },
  };
}
