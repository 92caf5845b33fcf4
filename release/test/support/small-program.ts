import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../../test/support/random.ts';
import { describeFile, type PayloadFile, packPayload } from '../../src/payload.ts';
import { payloadIndex } from './payload-index.ts';
import { releasedProgram } from './released.ts';

/** A program with the real launcher whose payload is a few files, so that it can be started a hundred times. */
export interface SmallProgram {
  readonly path: string;
  /** The folder it is unpacked to, below the cache. */
  readonly name: string;
  /** SHA-256 of what it unpacks, by name. */
  readonly digests: Readonly<Record<string, string>>;
}

const FILES = 12;
const FILE_BYTES = 200_000;

/** Says what build it is; then what is taken from permissions, or nothing until its standard input ends. */
const script = (build: number) => `#!/bin/sh
echo build ${build}
case "$1" in
  --umask) umask ;;
  --wait) read -r line ;;
esac
exit 0
`;

/** `build` is a digit; when it is started it prints `build DIGIT`. Its files do not depend on anything else. */
export async function smallProgram(folder: string, build: number): Promise<SmallProgram> {
  const payload = join(folder, `payload-${build}`);
  mkdirSync(payload);
  const random = seededRandom(build);
  for (let i = 0; i < FILES; i++)
    writeFileSync(join(payload, `file-${i}`), randomBytes(1 + random.below(FILE_BYTES), random.next));
  writeFileSync(join(payload, 'hakiri'), script(build));
  chmodSync(join(payload, 'hakiri'), 0o755);
  const names = [...Array.from({ length: FILES }, (_, i) => `file-${i}`), 'hakiri'];
  const files = names.map((name) => describeFile(payload, name));

  const path = join(folder, `small-${build}`);
  const name = `core-${String(build).repeat(16)}`;
  writeFileSync(path, await programOf(payload, name, files), { mode: 0o755 });
  return { path, name, digests: Object.fromEntries(files.map((file) => [file.name, file.digest])) };
}

/** The released launcher with these files of a folder behind it. */
export async function programOf(
  folder: string,
  name: string,
  files: readonly PayloadFile[],
): Promise<Buffer> {
  const launcher = releasedLauncher();
  const { bytes } = await packPayload(folder, name, files, launcher.length);
  return Buffer.concat([launcher, bytes]);
}

/** Half of them zero, so that there is something to compress. */
function randomBytes(count: number, next: () => number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => (next() < 0.5 ? 0 : Math.floor(next() * 256))));
}

/** The released program up to where its payload begins. */
export function releasedLauncher(): Buffer {
  const program = readFileSync(releasedProgram('core'));
  return program.subarray(0, Math.min(...payloadIndex(program).map(({ offset }) => offset)));
}
