import { join } from 'node:path';
import { createGatekeeper, openRevocations, ownerToken, type TokenGatekeeper } from '@hakiri/access/token';
import type { Clock } from '@hakiri/core';
import { layout, nodeFiles } from '@hakiri/store';
import { projectKey } from '../project-key.ts';
import type { Project } from '../services.ts';

/** By the public keys that the manifest in force has. */
export function projectGatekeeper(project: Project, clock: Clock): TokenGatekeeper {
  const { context } = layout(join(project.folder, '.hakiri'), project.manifest.project.name);
  return createGatekeeper({
    publicKeys: () => project.manifest.project.publicKeys,
    clock,
    revocations: openRevocations(nodeFiles, join(context, 'revoked')),
  });
}

/**
 * Makes the project's key where there is none yet, so that there are tokens, and whoever can read it is known as the
 * owner. What makes a token with all of the owner's rights.
 * @throws HakiriError key.*, usage.argument where the manifest cannot be changed
 */
export async function ownerTokenMaker(project: Project): Promise<() => string> {
  const { publicKeys } = project.manifest.project;
  const key = await projectKey(project.folder, publicKeys);
  if (!publicKeys.includes(key.publicKey)) await project.reload();
  return () => ownerToken(key).token;
}
