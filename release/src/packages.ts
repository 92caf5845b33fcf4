import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runTool } from './command.ts';
import { lockedPackage, lockedPackages } from './lock.ts';
import { CACHE, RELEASE, ROOT } from './paths.ts';

/** An npm package at exactly one version. */
export interface Package {
  readonly name: string;
  readonly version: string;
}

/** `name@version`, as npm takes it. */
export function specifier({ name, version }: Package): string {
  return `${name}@${version}`;
}

export function lockedVersion(name: string): string {
  const found = lockedPackages().find(({ folder }) => folder === `node_modules/${name}`);
  if (found === undefined) throw new Error(`${name} is not in package-lock.json`);
  return found.version;
}

/** Where the package's files are: where npm installed it, or else where `fetchPackage` put it. */
export function packageFolder(wanted: Package): string {
  return installedFolder(wanted) ?? join(fetchedFolder(wanted, KEPT), 'package');
}

function installedFolder({ name, version }: Package): string | undefined {
  const folder = join(ROOT, lockedPackage(name, version)?.folder ?? `node_modules/${name}`);
  return installedVersion(folder) === version ? folder : undefined;
}

function installedVersion(folder: string): string | undefined {
  const manifest = join(folder, 'package.json');
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined;
}

/** Where fetched packages are kept, and the file that says what they have to be. */
export interface Kept {
  readonly folder: string;
  /** By specifier, what npm calls the integrity of the package's archive. */
  readonly pins: string;
}
const KEPT: Kept = { folder: join(CACHE, 'packages'), pins: join(RELEASE, 'platforms.json') };
/** Beside the package: the checksum of the archive it came in. */
const INTEGRITY = 'integrity';

function fetchedFolder(wanted: Package, kept: Kept): string {
  return join(kept.folder, specifier(wanted).replace('/', '+'));
}

/**
 * Makes sure of a package that npm did not install because it is for another platform: fetches it with npm, which
 * compares it with what the registry says, and compares it with package-lock.json or platforms.json. When neither knows
 * it, it is written to platforms.json. Says why it cannot be had, or undefined.
 */
export function fetchPackage(wanted: Package, kept = KEPT): string | undefined {
  if (installedFolder(wanted) !== undefined) return undefined;
  const pinned = pinnedIntegrity(wanted, kept);
  const fetched = fetchedIntegrity(wanted, kept);
  const fits = fetched !== undefined && (pinned === undefined || pinned === fetched);
  const got = fits ? { integrity: fetched } : fetchAnew(wanted, kept, pinned);
  if ('complaint' in got) return got.complaint;
  if (pinned === undefined) pin(wanted, kept, got.integrity);
  return undefined;
}

function fetchedIntegrity(wanted: Package, kept: Kept): string | undefined {
  const file = join(fetchedFolder(wanted, kept), INTEGRITY);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

interface Fetched {
  readonly integrity: string;
}
interface NotFetched {
  readonly complaint: string;
}

function fetchAnew(wanted: Package, kept: Kept, pinned: string | undefined): Fetched | NotFetched {
  mkdirSync(kept.folder, { recursive: true });
  const folder = mkdtempSync(join(kept.folder, '.fetching-'));
  try {
    const complaint = pack(wanted, folder);
    if (complaint !== undefined) return { complaint };
    const archive = join(folder, readdirSync(folder)[0] ?? '');
    const integrity = sha512(readFileSync(archive));
    if (pinned !== undefined && pinned !== integrity)
      return { complaint: `${specifier(wanted)} is not what was pinned: it is ${integrity}, not ${pinned}` };
    runTool('tar', ['--extract', '--no-same-owner', '--file', archive, '--directory', folder]);
    rmSync(archive);
    writeFileSync(join(folder, INTEGRITY), integrity);
    rmSync(fetchedFolder(wanted, kept), { recursive: true, force: true });
    renameSync(folder, fetchedFolder(wanted, kept));
    return { integrity };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Leaves the archive in an empty folder; says why not, if not. */
function pack(wanted: Package, folder: string): string | undefined {
  const args = ['pack', specifier(wanted), '--json', '--pack-destination', folder];
  const options = { encoding: 'utf8', cwd: folder, maxBuffer: 1 << 26 } as const;
  const { status, stdout, error } = spawnSync('npm', args, options);
  if (status === 0) return undefined;
  return `${specifier(wanted)} cannot be had: ${error?.message ?? reasonOf(stdout)}`;
}

function reasonOf(answer: string): string {
  try {
    const { code, summary } = JSON.parse(answer).error;
    return `npm says ${code}: ${summary}`;
  } catch {
    return 'npm does not say why';
  }
}

function readPins({ pins }: Kept): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(pins, 'utf8'));
}

/** Of the package's archive as it is locked or pinned, hexadecimal. */
export function pinnedDigest(wanted: Package): string | undefined {
  const integrity = pinnedIntegrity(wanted, KEPT);
  return integrity && Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
}

function pinnedIntegrity(wanted: Package, kept: Kept): string | undefined {
  const digest = lockedPackage(wanted.name, wanted.version)?.digest;
  return digest === undefined ? readPins(kept)[specifier(wanted)] : written(Buffer.from(digest, 'hex'));
}

function sha512(bytes: Buffer): string {
  return written(createHash('sha512').update(bytes).digest());
}

/** As npm and package-lock.json write a checksum. */
function written(digest: Buffer): string {
  return `sha512-${digest.toString('base64')}`;
}

function pin(wanted: Package, kept: Kept, integrity: string): void {
  const pins = Object.entries({ ...readPins(kept), [specifier(wanted)]: integrity });
  const sorted = Object.fromEntries(pins.sort(([one], [other]) => (one < other ? -1 : 1)));
  writeFileSync(kept.pins, `${JSON.stringify(sorted, undefined, 2)}\n`);
}
