import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { writeChecksums } from '../../src/checksums.ts';
import { RELEASE } from '../../src/paths.ts';
import { describeFile, packPayload, sha256 } from '../../src/payload.ts';
import { programName, type ReleaseProfile } from '../../src/profile.ts';
import { LIST, type Listed, releaseList } from '../../src/release-list.ts';
import { releasedProgram } from './released.ts';

export const INSTALLER = join(RELEASE, 'install.sh');

export interface Sample {
  readonly version: string;
  readonly profile?: ReleaseProfile;
  readonly platform?: string;
  /** Two samples of one version differ in it. */
  readonly remark?: string;
  /** With what exit code it ends. */
  readonly exitCode?: number;
}

/**
 * A release of the given programs, which have the real launcher and for payload a script: it prints its version, or
 * with `serve` stays.
 */
export async function writeSampleRelease(folder: string, ...samples: readonly Sample[]): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const listed: Listed[] = [];
  for (const sample of samples) listed.push(await writeSample(folder, sample));
  return finishRelease(folder, listed);
}

async function writeSample(folder: string, sample: Sample): Promise<Listed> {
  const { version, profile = 'full', platform = 'linux-x64', remark = '', exitCode = 0 } = sample;
  const payload = join(folder, 'payload');
  mkdirSync(payload);
  const build = sha256(`${version} ${profile} ${remark}`);
  const script = join(payload, 'hakiri');
  const told = `hakiri ${version}, profile ${profile}, ${platform}`;
  writeFileSync(
    script,
    `#!/bin/sh\n[ "$1" != serve ] || sleep 30\necho "${told}"\necho "build ${build}"\nexit ${exitCode}\n`,
  );
  chmodSync(script, 0o755);
  const file = programName(profile);
  await writeProgram(payload, join(folder, file), `${profile}-${build.slice(0, 16)}`, ['hakiri']);
  rmSync(payload, { recursive: true });
  return { platform, profile, version, build, sizeBytes: statSync(join(folder, file)).size, file };
}

/** The built release of the profile, as if it had another version. */
export async function writeRenamedRelease(
  folder: string,
  profile: ReleaseProfile,
  version: string,
): Promise<string> {
  const built = releasedProgram(profile);
  const unpacked = join(folder, 'payload');
  cpSync(`${built}-unpacked`, unpacked, { recursive: true });
  const described = JSON.parse(readFileSync(join(unpacked, 'release.json'), 'utf8'));
  const build = sha256(`${version} ${described.build}`);
  for (const name of ['release.json', 'release.txt']) {
    const text = readFileSync(join(unpacked, name), 'utf8');
    writeFileSync(
      join(unpacked, name),
      text.replace(described.version, version).replace(described.build, build),
    );
  }
  const file = basename(built);
  const names = [...indexOf(built).keys()];
  await writeProgram(unpacked, join(folder, file), `${profile}-${build.slice(0, 16)}`, names);
  rmSync(unpacked, { recursive: true });
  const { platform } = described;
  return finishRelease(folder, [
    { platform, profile, version, build, sizeBytes: statSync(join(folder, file)).size, file },
  ]);
}

function finishRelease(folder: string, listed: readonly Listed[]): string {
  writeFileSync(join(folder, LIST), releaseList(listed));
  copyFileSync(INSTALLER, join(folder, 'install.sh'));
  writeChecksums(folder);
  return folder;
}

async function writeProgram(
  payload: string,
  file: string,
  name: string,
  names: readonly string[],
): Promise<void> {
  const built = releasedProgram('core');
  // It ends where the first frame begins.
  const launcher = readFileSync(built).subarray(0, Math.min(...indexOf(built).values()));
  const files = names.map((one) => describeFile(payload, one));
  const { bytes } = await packPayload(payload, name, files, launcher.length);
  writeFileSync(file, Buffer.concat([launcher, bytes]), { mode: 0o755 });
}

/** Where in the program each file of its payload begins. */
function indexOf(program: string): ReadonlyMap<string, number> {
  const bytes = readFileSync(program);
  const trailer = bytes.subarray(-64);
  const start = Number(trailer.readBigUInt64LE(16));
  const index = bytes.subarray(start, start + Number(trailer.readBigUInt64LE(24))).toString();
  const lines = index.trimEnd().split('\n').slice(1);
  return new Map(
    lines.map((line) => {
      const [, , , offset = '', , name = ''] = line.split(' ');
      return [name, Number(offset)];
    }),
  );
}
