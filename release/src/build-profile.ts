import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { writeCodeCache } from './code-cache.ts';
import type { Component } from './component.ts';
import { compileHakiri, compileStart } from './launcher.ts';
import { copyLibraries, copyNatives, loaderName } from './native-files.ts';
import { RELEASE, ROOT } from './paths.ts';
import { describeFile, type PayloadFile, packPayload, sha256 } from './payload.ts';
import { programName, type ReleaseProfile } from './profile.ts';

export interface Built {
  readonly program: string;
  /** The same program unpacked: `hakiri` in it starts it. */
  readonly unpacked: string;
  readonly sizeBytes: number;
  /** Of everything in the payload; two builds of the same sources give the same. */
  readonly build: string;
}

const PLATFORM = 'linux-x64';
const BUILD_NAME_LENGTH = 16;

export async function buildProfile(profile: ReleaseProfile, outdir: string): Promise<Built> {
  const unpacked = join(outdir, `${programName(profile)}-unpacked`);
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  const natives = copyNatives(profile, unpacked);
  const libraries = copyLibraries(
    unpacked,
    natives.flatMap(({ files }) => files),
  );
  compileStart(join(unpacked, 'hakiri'), loaderName());
  copyFileSync(join(RELEASE, 'boot.cjs'), join(unpacked, 'boot.cjs'));
  bundle(profile, join(unpacked, 'hakiri.cjs'));
  rmSync(join(unpacked, 'hakiri.cjs.inputs'));
  setModes(unpacked);
  compileCode(unpacked);
  const build = describeRelease(profile, unpacked, [...natives, ...libraries]);
  setModes(unpacked);

  const program = join(outdir, programName(profile));
  compileHakiri(program);
  const launcher = readFileSync(program);
  const name = `${profile}-${build.slice(0, BUILD_NAME_LENGTH)}`;
  const payload = await packPayload(unpacked, name, filesOf(unpacked), launcher.length);
  const bytes = Buffer.concat([launcher, payload.bytes]);
  writeFileSync(program, bytes);
  return { program, unpacked, sizeBytes: bytes.length, build };
}

/** The functions are compiled by running them, for which there must be something where the result will be. */
function compileCode(unpacked: string): void {
  const outfile = join(unpacked, 'hakiri.cache');
  writeFileSync(outfile, '');
  writeCodeCache(process.execPath, join(unpacked, 'hakiri.cjs'), join(unpacked, 'hakiri'), outfile);
}

const EXECUTABLE: ReadonlySet<string> = new Set(['hakiri', 'node', loaderName()]);

function setModes(folder: string): void {
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), EXECUTABLE.has(name) ? 0o755 : 0o644);
}

function filesOf(folder: string): readonly PayloadFile[] {
  return readdirSync(folder)
    .sort()
    .map((name) => describeFile(folder, name));
}

/** Writes `release.json`, from which `hakiri --version` tells what it is made of. Gives the build. */
function describeRelease(profile: ReleaseProfile, folder: string, components: readonly Component[]): string {
  const { version } = createRequire(import.meta.url)(join(ROOT, 'packages/cli/package.json'));
  const files = filesOf(folder);
  const build = sha256(
    [version, profile, PLATFORM, ...files.map(({ digest, name }) => `${digest} ${name}`)].join('\n'),
  );
  const digestOf = (name: string): string => files.find((file) => file.name === name)?.digest ?? '';
  const release = {
    version,
    profile,
    platform: PLATFORM,
    build,
    components: components.map(({ files: own, ...component }) => ({
      ...component,
      files: Object.fromEntries(own.map((name) => [name, digestOf(name)])),
    })),
    program: Object.fromEntries(
      files
        .filter(({ name }) => !components.some((component) => component.files.includes(name)))
        .map(({ name, digest }) => [name, digest]),
    ),
  };
  writeFileSync(join(folder, 'release.json'), `${JSON.stringify(release, undefined, 2)}\n`);
  return build;
}
