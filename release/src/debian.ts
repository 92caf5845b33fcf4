import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './command.ts';
import { CACHE } from './paths.ts';
import type { Linux } from './platform.ts';

/** What a program for another architecture takes from Debian: what its native parts and the launcher are linked with. */
const FOREIGN_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1', 'libzstd-dev'];
const FETCHED = join(CACHE, 'debian');

/** The folder that stands for `/`: this machine's own for what is installed, else where `fetchDebian` put the package. */
export function debianRoot(architecture: string, name: string): string {
  return architecture === 'arm64' ? join(FETCHED, architecture, name) : '/';
}

/** Fetches, through apt, what this machine would install today if it were of that architecture. Says why not, if not. */
export function fetchDebian({ debianArchitecture }: Linux): string | undefined {
  if (debianArchitecture === 'amd64') return undefined;
  const folder = join(FETCHED, debianArchitecture);
  const archives = join(folder, '.archives');
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(archives, name), { recursive: true });
  // Lists and archives of its own: this machine's are left as they are. apt verifies signatures and hashes.
  const settings = {
    'APT::Architecture': debianArchitecture,
    'APT::Architectures': debianArchitecture,
    'APT::Sandbox::User': '',
    'Dir::State': join(archives, 'state'),
    'Dir::Cache': join(archives, 'cache'),
  };
  const options = ['-qq', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
  try {
    runTool('apt-get', [...options, 'update'], { cwd: archives });
    runTool('apt-get', [...options, 'download', ...FOREIGN_PACKAGES], { cwd: archives });
  } catch (error) {
    return `${FOREIGN_PACKAGES.join(', ')} for ${debianArchitecture} cannot be had: ${error}`;
  }
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb')))
    runTool('dpkg-deb', ['--extract', join(archives, file), join(folder, packageOf(file))]);
  return undefined;
}

/** `libstdc++6_12.2.0-14_arm64.deb` is of `libstdc++6`. */
function packageOf(archive: string): string {
  return archive.split('_')[0] ?? '';
}

export function debianVersion(architecture: string, name: string): string {
  if (architecture !== 'arm64') return runTool('dpkg-query', ['-W', name]).trim().split('\t')[1] ?? '';
  const archives = join(FETCHED, architecture, '.archives');
  const archive = readdirSync(archives).find((file) => packageOf(file) === name && file.endsWith('.deb'));
  return runTool('dpkg-deb', ['--field', join(archives, archive ?? name), 'Version']).trim();
}

export interface Library {
  readonly path: string;
  /** The Debian package it is of. */
  readonly package: string;
}

/** A shared library, or the loader, by the name it is asked for. */
export function findLibrary({ debianArchitecture, triplet }: Linux, name: string): Library {
  const folders = [join('lib', triplet), join('usr/lib', triplet)];
  if (debianArchitecture === 'amd64') {
    const path = folders.map((folder) => join('/', folder, name)).find(existsSync);
    if (path !== undefined) return { path, package: installedOwner(path) };
  } else {
    for (const owner of FOREIGN_PACKAGES) {
      const root = debianRoot(debianArchitecture, owner);
      const path = folders.map((folder) => join(root, folder, name)).find(existsSync);
      if (path !== undefined) return { path, package: owner };
    }
  }
  throw new Error(`no package for ${debianArchitecture} has ${name}`);
}

/** Debian records where a file was before `/lib` became a link to `/usr/lib`. */
function installedOwner(path: string): string {
  for (const candidate of [path, realpathSync(path), realpathSync(path).replace(/^\/usr/, '')]) {
    try {
      return runTool('dpkg-query', ['-S', candidate]).split(':')[0] ?? '';
    } catch {}
  }
  throw new Error(`no package owns ${path}`);
}
