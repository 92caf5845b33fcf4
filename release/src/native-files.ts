import { copyFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { runTool } from './command.ts';
import type { Component } from './component.ts';
import { ROOT } from './paths.ts';
import type { ReleaseProfile } from './profile.ts';
import { npmPurl } from './sbom.ts';
import { trimIcu } from './trim-icu.ts';

const require = createRequire(import.meta.url);

/** Where a package lies, wherever npm put it. */
function packageFolder(name: string): string {
  return join(ROOT, 'node_modules', name);
}

function manifest(folder: string): { readonly version: string; readonly license: string } {
  return require(join(folder, 'package.json'));
}

interface Native {
  readonly component: Omit<Component, 'version' | 'purl' | 'licence'> & { readonly licence?: string };
  readonly package: string;
  readonly sources: readonly string[];
  readonly profiles: readonly ReleaseProfile[];
}

const NATIVES: readonly Native[] = [
  {
    component: { name: 'node', licence: 'MIT', files: ['node'] },
    package: 'node',
    sources: ['bin/node'],
    profiles: ['core', 'full'],
  },
  {
    component: { name: 'duckdb', files: ['duckdb.node', 'libduckdb.so'] },
    package: '@duckdb/node-bindings-linux-x64',
    sources: ['duckdb.node', 'libduckdb.so'],
    profiles: ['core', 'full'],
  },
  {
    component: { name: 'usearch', licence: 'Apache-2.0', files: ['usearch.node'] },
    package: 'usearch',
    sources: ['prebuilds/linux-x64/usearch.node'],
    profiles: ['full'],
  },
];

/** Copies the native parts of a profile to `folder`, without what only a debugger reads. */
export function copyNatives(profile: ReleaseProfile, folder: string): readonly Component[] {
  return NATIVES.filter(({ profiles }) => profiles.includes(profile)).map(
    ({ component, package: name, sources }) => {
      const from = packageFolder(name);
      const { version, license } = manifest(from);
      for (const source of sources) copyStripped(join(from, source), join(folder, basename(source)));
      if (component.name === 'node') trimIcu(join(folder, 'node'));
      return { licence: license, ...component, version, purl: npmPurl(name, version) };
    },
  );
}

function copyStripped(from: string, to: string): void {
  const isLibrary = /\.(so|node)/.test(basename(to));
  runTool('strip', [isLibrary ? '--strip-unneeded' : '--strip-all', '-o', to, from]);
}

const LOADER = 'ld-linux-x86-64.so.2';

/** Copies the loader and every shared library that the native parts need, as this machine has them. */
export function copyLibraries(folder: string, natives: readonly string[]): readonly Component[] {
  const found = new Map<string, string>();
  for (const native of natives) {
    for (const [, name, path] of runTool('ldd', [join(folder, native)]).matchAll(/^\s+(\S+) => (\/\S+)/gm))
      if (name !== undefined && path !== undefined && dirname(path) !== folder) found.set(name, path);
  }
  found.set(LOADER, `/lib64/${LOADER}`);
  const files = new Map<string, string[]>();
  for (const [name, path] of found) {
    // Stripped by Debian already; the loader must stay as it is.
    copyFileSync(realpathSync(path), join(folder, name));
    const owner = debianPackage(path);
    files.set(owner, [...(files.get(owner) ?? []), name]);
  }
  // Linked into the launcher.
  files.set('libzstd-dev', []);
  return [...files]
    .map(([name, owned]) => debianComponent(name, owned.sort()))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Debian records where a file was before `/lib` became a link to `/usr/lib`. */
function debianPackage(path: string): string {
  for (const candidate of [path, realpathSync(path), realpathSync(path).replace(/^\/usr/, '')]) {
    try {
      return runTool('dpkg-query', ['-S', candidate]).split(':')[0] ?? '';
    } catch {}
  }
  throw new Error(`no package owns ${path}`);
}

const DEBIAN_LICENCES: readonly (readonly [RegExp, string])[] = [
  [/^libc6$/, 'LGPL-2.1-or-later'],
  [/^lib(gcc-s1|stdc\+\+6|atomic1)$/, 'GPL-3.0-or-later WITH GCC-exception-3.1'],
  [/^libzstd-dev$/, 'BSD-3-Clause'],
];

function debianComponent(name: string, files: readonly string[]): Component {
  const version = runTool('dpkg-query', ['-W', name]).trim().split('\t')[1] ?? '';
  const licence = DEBIAN_LICENCES.find(([names]) => names.test(name))?.[1];
  if (licence === undefined) throw new Error(`nobody said what the licence of ${name} is`);
  return { name, version, licence, purl: `pkg:deb/debian/${name}@${version}?arch=amd64`, files };
}

export function loaderName(): string {
  return LOADER;
}
