import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './paths.ts';

/** A package of npm as package-lock.json has it. */
export interface LockedPackage {
  /** Below the root: `node_modules/a/node_modules/b`. */
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  readonly licence: string | undefined;
  /** SHA-512 of the package as it is fetched, hexadecimal. */
  readonly digest: string;
  /** npm leaves those of other platforms out. */
  readonly optional: boolean;
}

interface Entry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
}

const INTEGRITY = /^sha512-([A-Za-z0-9+/=]+)$/;

/** Throws when one is locked without a SHA-512: nothing would say what was fetched. */
export function lockedPackages(root = ROOT): readonly LockedPackage[] {
  return Object.entries(entries(join(root, 'package-lock.json'))).map(([folder, entry]) => {
    const digest = INTEGRITY.exec(entry.integrity ?? '')?.[1];
    if (entry.version === undefined || digest === undefined)
      throw new Error(`package-lock.json has no version or no SHA-512 of ${folder}`);
    return {
      folder,
      name: folder.replace(/^.*node_modules\//, ''),
      version: entry.version,
      licence: entry.license,
      digest: Buffer.from(digest, 'base64').toString('hex'),
      optional: entry.optional ?? false,
    };
  });
}

/** The packages themselves, without links to our own. */
function entries(lockFile: string): Readonly<Record<string, Entry>> {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as {
    readonly packages: Readonly<Record<string, Entry & { readonly link?: boolean }>>;
  };
  return Object.fromEntries(
    Object.entries(packages).filter(
      ([folder, { link }]) => /(^|\/)node_modules\//.test(folder) && link !== true,
    ),
  );
}

export function lockedPackage(name: string, version: string): LockedPackage | undefined {
  return lockedPackages().find((locked) => locked.name === name && locked.version === version);
}

/** What lies in node_modules in another version than is locked, or from another package; empty when all is as locked. */
export function differencesFromLock(root = ROOT): readonly string[] {
  const installed = entries(join(root, 'node_modules/.package-lock.json'));
  return lockedPackages(root).flatMap(({ folder, version, digest, optional }) => {
    const found = installedVersion(join(root, folder));
    if (found === undefined) return optional ? [] : [`${folder}: ${version} is locked, nothing is installed`];
    if (found !== version) return [`${folder}: ${version} is locked, ${found} is installed`];
    const from = INTEGRITY.exec(installed[folder]?.integrity ?? '')?.[1];
    if (from === undefined || Buffer.from(from, 'base64').toString('hex') !== digest)
      return [`${folder}: ${version} was installed from a package with another hash`];
    return [];
  });
}

function installedVersion(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Entry).version;
  } catch {
    return undefined;
  }
}
