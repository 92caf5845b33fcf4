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
import { type Costs, costsOf } from './costs.ts';
import { compileHakiri, compileIdle, compileStart } from './launcher.ts';
import { licenceList } from './licences.ts';
import { copyLibraries, copyNatives, loaderName } from './native-files.ts';
import { RELEASE, ROOT } from './paths.ts';
import { describeFile, type PayloadFile, packPayload, sha256 } from './payload.ts';
import { programName, type ReleaseProfile } from './profile.ts';
import { bundledPackages, cycloneDx } from './sbom.ts';

export interface Built {
  readonly program: string;
  /** The same program unpacked: `hakiri` in it starts it. */
  readonly unpacked: string;
  readonly costs: Costs;
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
  compileIdle(join(unpacked, 'idle.so'));
  copyFileSync(join(RELEASE, 'boot.cjs'), join(unpacked, 'boot.cjs'));
  const native = [...natives, ...libraries];
  const modules = bundle(profile, join(unpacked, 'hakiri.cjs'));
  const bundled = bundledPackages(modules.map(({ path }) => path)).filter(
    ({ purl }) => !native.some((component) => component.purl === purl),
  );
  const components = [...native, ...bundled];
  writeFileSync(join(unpacked, 'LICENCES.txt'), licenceList(components));
  setModes(unpacked);
  writeCodeCache(process.execPath, join(unpacked, 'hakiri.cjs'), join(unpacked, 'hakiri.cache'));
  const { version } = createRequire(import.meta.url)(join(ROOT, 'packages/cli/package.json'));
  const build = describeRelease({ version, profile, platform: PLATFORM }, unpacked, components);
  setModes(unpacked);

  const program = join(outdir, programName(profile));
  compileHakiri(program);
  const launcher = readFileSync(program);
  const name = `${profile}-${build.slice(0, BUILD_NAME_LENGTH)}`;
  const payload = await packPayload(unpacked, name, filesOf(unpacked), launcher.length);
  const bytes = Buffer.concat([launcher, payload.bytes]);
  writeFileSync(program, bytes);
  const described = { name: programName(profile), version, digest: sha256(bytes) };
  writeFileSync(
    `${program}.cdx.json`,
    cycloneDx(described, components, (file) => digestOf(unpacked, file)),
  );
  const { packedSizes } = payload;
  const costs = costsOf({ version, bytes: bytes.length, packedSizes, components, modules });
  writeFileSync(`${program}.costs.json`, `${JSON.stringify(costs, undefined, 2)}\n`);
  return { program, unpacked, costs, build };
}

const EXECUTABLE: ReadonlySet<string> = new Set(['hakiri', 'node', loaderName()]);

function digestOf(folder: string, name: string): string {
  return describeFile(folder, name).digest;
}

function setModes(folder: string): void {
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), EXECUTABLE.has(name) ? 0o755 : 0o644);
}

function filesOf(folder: string): readonly PayloadFile[] {
  return readdirSync(folder)
    .sort()
    .map((name) => describeFile(folder, name));
}

interface ReleaseName {
  readonly version: string;
  readonly profile: ReleaseProfile;
  readonly platform: string;
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
