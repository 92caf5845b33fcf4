import { join } from 'node:path';
import {
  createGatekeeper,
  openRevocations,
  type Revocations,
  type TokenGatekeeper,
} from '@hakiri/access/token';
import type { Clock, Manifest } from '@hakiri/core';
import { layout, nodeFiles } from '@hakiri/store';

/** A project, as far as tokens are concerned. */
export interface TokenProject {
  readonly folder: string;
  /** The one in force. */
  readonly manifest: Manifest;
}

export function projectRevocations({ folder, manifest }: TokenProject): Revocations {
  const { context } = layout(join(folder, '.hakiri'), manifest.project.name);
  return openRevocations(nodeFiles, join(context, 'revoked'));
}

/** By the public keys that the manifest in force has. */
export function projectGatekeeper(project: TokenProject, clock: Clock): TokenGatekeeper {
  return createGatekeeper({
    publicKeys: () => project.manifest.project.publicKeys,
    clock,
    revocations: projectRevocations(project),
  });
}
