import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Attenuator, type Clock, type Gatekeeper, HakiriError, OWNER_GRANT } from '@hakiri/core';
import type { Project } from '../services.ts';
import { readSigningKey, signingKeyFile } from './owner-access.ts';

/** Of the project's tokens: INTERIM until access has them. */
export function projectGatekeeper(project: Project, _clock: Clock): Gatekeeper {
  return {
    async authenticate({ token }) {
      const key = readSigningKey(project.folder);
      if (key !== undefined && token === key.trim()) return { ...OWNER_GRANT, tokenIds: ['owner'] };
      throw new HakiriError('token.invalid', 'The token is not of this project');
    },
  };
}

export const attenuator: Attenuator = {
  attenuate: () => Promise.reject(new HakiriError('token.invalid', 'The token cannot be attenuated')),
};

export async function ensureSigningKey(project: Project): Promise<{ ownerToken(): string }> {
  const path = signingKeyFile(project.folder);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (readSigningKey(project.folder) === undefined)
    writeFileSync(path, randomBytes(32).toString('base64url'), { mode: 0o600 });
  return { ownerToken: () => readFileSync(path, 'utf8').trim() };
}
