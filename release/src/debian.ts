import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runTool } from './command.ts';
import { CACHE } from './paths.ts';
import type { Linux } from './platform.ts';

/** What a program for another architecture takes from Debian: what its native parts and the launcher are linked with. */
const FOREIGN_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1', 'libzstd-dev'];
/** The licence of what comes with the compiler is in a package that all of that depend on. */
const COMPILER_BASE = /gcc-\d+-base/;

function archivesOf(architecture: string): string {
  return join(CACHE, 'debian', architecture, 'archives');
}

/** The folder that stands for `/`: this machine's own, else where `fetchDebian` put the packages. */
export function debianRoot(architecture: string): string {
  return architecture === 'arm64' ? join(CACHE, 'debian', architecture, 'root') : '/';
}

/** Fetches, through apt, what this machine would install today if it were of that architecture. Says why not, if not. */
export function fetchDebian({ debianArchitecture: architecture }: Linux): string | undefined {
  if (architecture === 'amd64') return undefined;
  const archives = archivesOf(architecture);
  const root = debianRoot(architecture);
  for (const folder of [archives, root]) rmSync(folder, { recursive: true, force: true });
  for (const name of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(archives, name), { recursive: true });
  // Lists of its own: this machine's are left as they are. apt verifies signatures and hashes.
  const settings = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': '',
    'Dir::State': join(archives, 'state'),
    'Dir::Cache': join(archives, 'cache'),
  };
  const options = ['-qq', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
  const apt = (...words: readonly string[]) => runTool('apt-get', [...options, ...words], { cwd: archives });
  try {
    apt('update');
    apt('download', ...FOREIGN_PACKAGES);
    const base = COMPILER_BASE.exec(archiveField(architecture, 'libgcc-s1', 'Depends'))?.[0];
    if (base !== undefined) apt('download', base);
  } catch (error) {
    return `${FOREIGN_PACKAGES.join(', ')} for ${architecture} cannot be had: ${error}`;
  }
  for (const archive of archiveFiles(architecture)) runTool('dpkg-deb', ['--extract', archive, root]);
  return undefined;
}

function archiveFiles(architecture: string): readonly string[] {
  const archives = archivesOf(architecture);
  return readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(archives, name));
}

/** `libstdc++6_12.2.0-14_arm64.deb` is of `libstdc++6`. */
function packageOf(archive: string): string {
  return basename(archive).split('_')[0] ?? '';
}

function archiveField(architecture: string, name: string, field: string): string {
  const archive = archiveFiles(architecture).find((file) => packageOf(file) === name);
  if (archive === undefined) throw new Error(`${name} for ${architecture} was not fetched`);
  return runTool('dpkg-deb', ['--field', archive, field]).trim();
}

export function debianVersion(architecture: string, name: string): string {
  if (architecture === 'arm64') return archiveField(architecture, name, 'Version');
  return runTool('dpkg-query', ['-W', name]).trim().split('\t')[1] ?? '';
}

export interface Library {
  readonly path: string;
  /** The Debian package it is of. */
  readonly package: string;
}

/** A shared library, or the loader, by the name it is asked for. */
export function findLibrary({ debianArchitecture: architecture, triplet }: Linux, name: string): Library {
  const root = debianRoot(architecture);
  const path = ['lib', 'usr/lib'].map((folder) => join(root, folder, triplet, name)).find(existsSync);
  if (path === undefined) throw new Error(`no package for ${architecture} has ${name}`);
  const owner = architecture === 'amd64' ? installedOwner(path) : fetchedOwner(architecture, name);
  return { path, package: owner };
}

function fetchedOwner(architecture: string, library: string): string {
  const owner = archiveFiles(architecture).find((archive) =>
    runTool('dpkg-deb', ['--contents', archive]).match(new RegExp(`/${RegExp.escape(library)}( ->|$)`, 'm')),
  );
  return packageOf(owner ?? '');
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
