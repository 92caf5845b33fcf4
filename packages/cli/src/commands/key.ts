import { resolve } from 'node:path';
import {
  exportKeys,
  importKeys,
  readSigningKey,
  requireSigningKey,
  rotateSigningKey,
} from '@hakiri/access/token';
import { HakiriError } from '@hakiri/core';
import { nodeFiles } from '@hakiri/store';
import { jsonDocument } from '../format/json.ts';
import { requireProjectFolder } from '../project-folder.ts';
import { changePublicKeys, keysFolder, projectKey } from '../project-key.ts';
import { readProjectManifest } from '../read-manifest.ts';
import type { Call } from '../services.ts';

interface CommonFlags {
  readonly project?: string;
  readonly json: boolean;
}

export interface KeyExportFlags extends CommonFlags {
  readonly to: string;
}

export type KeyImportFlags = CommonFlags;

export interface KeyRotateFlags extends CommonFlags {
  readonly dropOld: boolean;
}

/** Writes the project's keys into a new file. Throws `key.*`. */
export async function exportKey({ services, output }: Call, flags: KeyExportFlags): Promise<undefined> {
  const folder = requireProjectFolder(services.cwd, flags.project);
  const path = resolve(services.cwd, flags.to);
  await exportKeys(nodeFiles, keysFolder(folder), path);
  if (flags.json) output.out.line(jsonDocument({ file: path }));
  else output.err.line(`${flags.to} holds the keys of the project: whoever has it is its owner`);
}

/** Takes keys over that were exported elsewhere. Throws `key.*`. */
export async function importKey(
  { services, output }: Call,
  flags: KeyImportFlags,
  from: string,
): Promise<undefined> {
  const folder = requireProjectFolder(services.cwd, flags.project);
  await readKeys(resolve(services.cwd, from), from);
  await importKeys(nodeFiles, keysFolder(folder), resolve(services.cwd, from));
  const { project } = await readProjectManifest(folder);
  const key = await readSigningKey(nodeFiles, keysFolder(folder));
  if (key !== undefined && project.publicKeys.length === 0) {
    await changePublicKeys(folder, () => [key.publicKey]);
  } else if (key !== undefined && !project.publicKeys.includes(key.publicKey)) {
    output.err.line(
      'the manifest does not name this key: tokens that are signed with it are refused until it does',
    );
  }
  if (flags.json) output.out.line(jsonDocument({ publicKey: key?.publicKey }));
  else output.err.line(`imported from ${from}`);
}

async function readKeys(path: string, named: string): Promise<void> {
  if ((await nodeFiles.stat(path)) === undefined) {
    throw new HakiriError('usage.argument', `${named} does not exist`);
  }
}

/** Another signing key; or, with `dropOld`, an end to those before it. Throws `key.*`, `usage.argument`. */
export async function rotateKey({ services, output }: Call, flags: KeyRotateFlags): Promise<undefined> {
  const folder = requireProjectFolder(services.cwd, flags.project);
  await requireSigningKey(nodeFiles, keysFolder(folder));
  // A key that was dropped elsewhere does not come back by being rotated.
  const { publicKey } = await projectKey(folder, (await readProjectManifest(folder)).project.publicKeys);
  if (flags.dropOld) {
    await changePublicKeys(folder, () => [publicKey]);
  } else {
    await rotateSigningKey(nodeFiles, keysFolder(folder), (next) =>
      changePublicKeys(folder, (keys) => [next.publicKey, ...keys]),
    );
  }
  const { project } = await readProjectManifest(folder);
  if (flags.json) output.out.line(jsonDocument({ publicKeys: project.publicKeys }));
  else if (flags.dropOld) output.err.line('tokens of earlier keys are refused from now on');
  else {
    output.err.line('new tokens are signed with a new key; those of the old one hold until `--drop-old`');
  }
}
