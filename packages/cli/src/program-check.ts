import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DoctorCheck } from '@hakiri/store';
import { plural } from './format/units.ts';
import { releaseFolder, releaseInfo } from './release-info.ts';

/**
 * Compares the files of a released program with the hashes its build wrote down. Reads all of them; a start only looks
 * at when they changed, and a disk that loses a bit does not change that. Undefined when this is no release.
 */
export async function checkProgram(): Promise<DoctorCheck | undefined> {
  const [folder, text] = [releaseFolder(), releaseInfo('json')];
  if (folder === undefined || text === undefined) return undefined;
  const digests = digestsOf(text);
  if (digests === undefined) return damagedProgram(folder, 'release.json');
  for (const [name, digest] of digests)
    if ((await digestOf(join(folder, name))) !== digest) return damagedProgram(folder, name);
  const message = `${plural(digests.length, 'file')} of the program as they were built`;
  return { name: 'program', state: 'ok', message };
}

/** What a launcher leaves in a folder that it has unpacked. */
const SEAL = 'seal';

function damagedProgram(folder: string, name: string): DoctorCheck {
  return {
    name: 'program',
    state: 'failed',
    message: 'A file of the program is not as it was built',
    path: join(folder, name),
    hint: existsSync(join(folder, SEAL))
      ? 'Remove its folder: the next start unpacks it again. Then look after the disk.'
      : 'Install the program again. Then look after the disk.',
  };
}

/** Name and SHA-256 of each file; undefined when this is not what a build writes. */
function digestsOf(json: string): readonly (readonly [string, string])[] | undefined {
  try {
    const release: { program: object; components: { files: object }[] } = JSON.parse(json);
    return [release.program, ...release.components.map(({ files }) => files)].flatMap((files) =>
      Object.entries(files),
    );
  } catch {
    return undefined;
  }
}

async function digestOf(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}
