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
import { type BundledModule, bundle } from './bundle.ts';
import { writeCodeCache } from './code-cache.ts';
import type { Component } from './component.ts';
import { type Costs, costsOf } from './costs.ts';
import { compileHakiri, compileIdle, compileNotify, compileStart } from './launcher.ts';
import { licenceList } from './licences.ts';
import { copyLibraries, copyNatives } from './native-files.ts';
import { RELEASE, ROOT } from './paths.ts';
import { describeFile, type Packed, type PayloadFile, packPayload, sha256 } from './payload.ts';
import type { Linux, Platform, PlatformName } from './platform.ts';
import { type ReleaseProfile, releaseName } from './profile.ts';
import { bundledPackages, cycloneDx } from './sbom.ts';
import { zipFolder } from './zip.ts';

export interface Built {
  /** The program, or the zip. */
  readonly file: string;
  readonly costs: Costs;
  /** Of everything in the payload; two builds of the same sources give the same. */
  readonly build: string;
}

const BUILD_NAME_LENGTH = 16;

/** Beside the file, `outdir` gets the same unpacked, its bill of materials and its costs. */
export async function buildProfile(
  profile: ReleaseProfile,
  platform: Platform,
  outdir: string,
): Promise<Built> {
  const name = releaseName(profile, platform.name);
  const unpacked = join(outdir, `${name}-unpacked`);
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  const { components, modules } = fillFolder(profile, platform, unpacked);
  const { version } = createRequire(import.meta.url)(join(ROOT, 'packages/cli/package.json'));
  const build = describeRelease({ version, profile, platform: platform.name }, unpacked, components);
  setModes(unpacked);

  const isZip = platform.system.packed === 'zip';
  const file = join(outdir, isZip ? `${name}.zip` : name);
  const { bytes, packedSizes } = isZip
    ? await zipFolder(unpacked, name, filesOf(unpacked))
    : await packProgram(platform.system, unpacked, file, `${profile}-${build.slice(0, BUILD_NAME_LENGTH)}`);
  writeFileSync(file, bytes);
  const described = { name, version, digest: sha256(bytes) };
  writeFileSync(
    `${file}.cdx.json`,
    cycloneDx(described, components, (one) => digestOf(unpacked, one)),
  );
  const costs = costsOf({ version, bytes: bytes.length, packedSizes, components, modules });
  writeFileSync(`${file}.costs.json`, `${JSON.stringify(costs, undefined, 2)}\n`);
  return { file, costs, build };
}

interface Filled {
  readonly components: readonly Component[];
  readonly modules: readonly BundledModule[];
}

function fillFolder(profile: ReleaseProfile, platform: Platform, folder: string): Filled {
  const natives = copyNatives(profile, platform, folder);
  const native = [
    ...natives,
    ...addStarter(
      platform,
      folder,
      natives.flatMap(({ files }) => files),
    ),
  ];
  // The core has no daemon.
  if (profile === 'full' && platform.system.packed !== 'zip')
    compileNotify(join(folder, 'notify.node'), platform.system);
  copyFileSync(join(RELEASE, 'boot.cjs'), join(folder, 'boot.cjs'));
  const modules = bundle(profile, join(folder, 'hakiri.cjs'));
  const bundled = bundledPackages(modules.map(({ path }) => path)).filter(
    ({ purl }) => !native.some((component) => component.purl === purl),
  );
  const components = [...native, ...bundled];
  writeFileSync(join(folder, 'LICENCES.txt'), licenceList(components));
  setModes(folder);
  const node = runtimeOf(platform, folder);
  if (node !== undefined) writeCodeCache(node, join(folder, 'hakiri.cjs'), join(folder, 'hakiri.cache'));
  return { components, modules };
}

/** Adds the `hakiri` of the folder, and what it needs beside the native parts. Gives what of that others made. */
function addStarter({ system }: Platform, folder: string, natives: readonly string[]): readonly Component[] {
  if (system.packed === 'zip') {
    const script = readFileSync(join(RELEASE, 'zip', system.starter), 'utf8');
    const lines = system.starter === 'hakiri.cmd' ? script.replaceAll('\n', '\r\n') : script;
    writeFileSync(join(folder, system.starter), lines);
    return [];
  }
  const libraries = copyLibraries(system, folder, natives);
  compileStart(join(folder, 'hakiri'), system);
  compileIdle(join(folder, 'idle.so'), system);
  return libraries;
}

/** How the platform's runtime is started on this machine; undefined where it cannot be. */
function runtimeOf({ system }: Platform, folder: string): readonly [string, ...string[]] | undefined {
  if (system.packed === 'zip') return undefined;
  if (system.emulator === undefined) return [process.execPath];
  return [system.emulator, join(folder, system.loader), '--library-path', folder, join(folder, 'node')];
}

async function packProgram(linux: Linux, folder: string, file: string, name: string): Promise<Packed> {
  compileHakiri(file, linux);
  const launcher = readFileSync(file);
  const payload = await packPayload(folder, name, filesOf(folder), launcher.length);
  return { bytes: Buffer.concat([launcher, payload.bytes]), packedSizes: payload.packedSizes };
}

const EXECUTABLE = /^(hakiri|node|ld-linux-.*)$/;

function digestOf(folder: string, name: string): string {
  return describeFile(folder, name).digest;
}

function setModes(folder: string): void {
  for (const name of readdirSync(folder))
    chmodSync(join(folder, name), EXECUTABLE.test(name) ? 0o755 : 0o644);
}

function filesOf(folder: string): readonly PayloadFile[] {
  return readdirSync(folder)
    .sort()
    .map((name) => describeFile(folder, name));
}

interface ReleaseName {
  readonly version: string;
  readonly profile: ReleaseProfile;
  readonly platform: PlatformName;
}

/** Writes `release.json` and `release.txt`, which `hakiri --version` prints. Gives the build. */
function describeRelease(name: ReleaseName, folder: string, components: readonly Component[]): string {
  const files = filesOf(folder);
  const lines = files.map(({ digest, name: file }) => `${digest} ${file}`);
  const build = sha256([name.version, name.profile, name.platform, ...lines].join('\n'));
  const foreign = new Set(components.flatMap((component) => component.files));
  const hashes = (names: readonly string[]) =>
    Object.fromEntries(names.map((file) => [file, digestOf(folder, file)]));
  const release: Release = {
    ...name,
    build,
    program: hashes(files.map((file) => file.name).filter((file) => !foreign.has(file))),
    components: components.map((component) => ({ ...component, files: hashes(component.files) })),
  };
  writeFileSync(join(folder, 'release.json'), `${JSON.stringify(release, undefined, 2)}\n`);
  writeFileSync(join(folder, 'release.txt'), releaseText(release));
  return build;
}

interface Release extends ReleaseName {
  readonly build: string;
  /** Files of our own, and their SHA-256. */
  readonly program: Readonly<Record<string, string>>;
  readonly components: readonly (Omit<Component, 'files'> & {
    readonly files: Readonly<Record<string, string>>;
  })[];
}

function releaseText(release: Release): string {
  const { version, profile, platform, build } = release;
  const files = (own: Readonly<Record<string, string>>) =>
    Object.entries(own).map(([name, digest]) => `  ${digest}  ${name}`);
  const lines = [
    `hakiri ${version}, profile ${profile}, ${platform}`,
    `build ${build}`,
    ...files(release.program),
    // Packages of the bundle are many, and in `--json`.
    ...release.components.flatMap((component) => {
      const own = files(component.files);
      return own.length === 0 ? [] : [`${component.name} ${component.version}`, ...own];
    }),
  ];
  return `${lines.join('\n')}\n`;
}
