import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HakiriError } from '@hakiri/core';

export const signingKeyFile = (folder: string): string => join(folder, '.hakiri', 'keys', 'signing.key');

/** The project's key as it lies there; undefined where this process cannot read one. */
export function readKeyText(folder: string): string | undefined {
  try {
    return readFileSync(signingKeyFile(folder), 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Without a token only the owner is let in: who can read the project's key, or, where none was ever made, its store.
 * @throws HakiriError token.missing
 */
export async function requireOwner(folder: string): Promise<void> {
  if (readKeyText(folder) !== undefined) return;
  // Only now: whoever passes messages on to a daemon reads no manifest.
  const { readProjectManifest } = await import('../read-manifest.ts');
  const { project } = await readProjectManifest(folder);
  if (project.publicKeys.length === 0 && isAbsent(signingKeyFile(folder)) && isReadable(folder)) return;
  throw new HakiriError(
    'token.missing',
    'HAKIRI_TOKEN is not set, and the key of the project is not readable here',
    {
      hint: 'Set HAKIRI_TOKEN to a token that `hakiri token issue` made where the key is.',
      details: { folder },
    },
  );
}

function isAbsent(path: string): boolean {
  try {
    accessSync(path, constants.F_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** The folder, and the store in it where there is one. */
function isReadable(folder: string): boolean {
  const store = join(folder, '.hakiri');
  try {
    accessSync(isAbsent(store) ? folder : store, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
