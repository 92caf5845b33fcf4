import { chmodSync, copyFileSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runTool } from './command.ts';
import type { Component } from './component.ts';
import { debianRoot, debianVersion, findLibrary } from './debian.ts';
import { lockedVersion, type Package, packageFolder } from './packages.ts';
import { sha256 } from './payload.ts';
import type { Linux, Platform } from './platform.ts';
import type { ReleaseProfile } from './profile.ts';
import { npmPurl } from './sbom.ts';
import { keepOnly } from './thin.ts';
import { trimIcu } from './trim-icu.ts';

/** A native part of a profile: files of one npm package. */
interface Native {
  readonly name: string;
  /** Where it is not what the package says. */
  readonly licence?: string;
  readonly package: Package;
  readonly sources: readonly string[];
}

function nativesOf(profile: ReleaseProfile, platform: Platform): readonly Native[] {
  const { node, duckdb } = nativePackages(platform);
  return [
    { name: 'node', licence: 'MIT', package: node, sources: [platform.node.file] },
    { name: 'duckdb', package: duckdb, sources: platform.duckdb },
    ...(profile === 'core' ? [] : [usearch(platform)]),
  ];
}

function usearch(platform: Platform): Native {
  const wanted = { name: 'usearch', version: lockedVersion('usearch') };
  return { name: 'usearch', licence: 'Apache-2.0', package: wanted, sources: [platform.usearch] };
}

/** The packages that are made for one platform each, at the versions the project has locked. */
export function nativePackages({ name, node }: Platform): {
  readonly node: Package;
  readonly duckdb: Package;
} {
  return {
    node: { name: node.package, version: lockedVersion('node') },
    duckdb: {
      name: `@duckdb/node-bindings-${name}`,
      version: lockedVersion('@duckdb/node-bindings'),
    },
  };
}

/** Copies the native parts of a profile to `folder`; for Linux without what only a debugger reads. */
export function copyNatives(
  profile: ReleaseProfile,
  platform: Platform,
  folder: string,
): readonly Component[] {
  return nativesOf(profile, platform).map(({ name, licence, package: wanted, sources }) => {
    const from = packageFolder(wanted);
    const { license } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
    for (const source of sources) copyNative(platform, join(from, source), join(folder, basename(source)));
    const { name: packageName, version } = wanted;
    return {
      name,
      licence: licence ?? license,
      version,
      purl: npmPurl(packageName, version),
      files: sources.map((source) => basename(source)),
    };
  });
}

function copyNative({ system }: Platform, from: string, to: string): void {
  if (system.packed === 'zip') {
    // Otherwise as it is: stripping or trimming would break its makers' signature.
    copyFileSync(from, to);
    chmodSync(to, 0o600);
    if (system.cpu !== undefined) keepOnly(system.cpu, to);
    return;
  }
  const isLibrary = /\.(so|node)/.test(basename(to));
  runTool(`${system.triplet}-strip`, [isLibrary ? '--strip-unneeded' : '--strip-all', '-o', to, from]);
  if (basename(to) === 'node') trimIcu(to);
}

/** Copies the loader and every shared library that the native parts in `folder` need, as Debian has them. */
export function copyLibraries(
  linux: Linux,
  folder: string,
  natives: readonly string[],
): readonly Component[] {
  const files = new Map<string, string[]>();
  const known = new Set(natives);
  const copy = (name: string): void => {
    if (known.has(name)) return;
    known.add(name);
    const library = findLibrary(linux, name);
    // Stripped by Debian already; the loader must stay as it is.
    copyFileSync(realpathSync(library.path), join(folder, name));
    files.set(library.package, [...(files.get(library.package) ?? []), name]);
    neededBy(library.path).forEach(copy);
  };
  copy(linux.loader);
  for (const native of natives) neededBy(join(folder, native)).forEach(copy);
  const { debianArchitecture } = linux;
  return [
    ...[...files].map(([name, owned]) => debianComponent(debianArchitecture, name, owned.sort())),
    ...linkedIn(linux),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function neededBy(file: string): readonly string[] {
  const entries = runTool('readelf', ['--dynamic', '--wide', file]).matchAll(/\(NEEDED\).*\[(.+)\]/g);
  return [...entries].flatMap(([, name]) => name ?? []);
}

/** What is in the launcher itself. For another architecture its C library is of the compiler that makes it. */
function linkedIn({ debianArchitecture, triplet }: Linux): readonly Component[] {
  const zstd = linkedFrom(
    debianComponent(debianArchitecture, 'libzstd-dev', []),
    join(debianRoot(debianArchitecture), 'usr/lib', triplet, 'libzstd.a'),
  );
  if (debianArchitecture === 'amd64') return [zstd];
  const name = `libc6-dev-${debianArchitecture}-cross`;
  return [zstd, linkedFrom(debianComponent('all', name, []), join('/usr', triplet, 'lib/libc.a'))];
}

function linkedFrom(component: Component, archive: string): Component {
  return { ...component, linked: { [basename(archive)]: sha256(readFileSync(archive)) } };
}

const DEBIAN_LICENCES: readonly (readonly [RegExp, string])[] = [
  [/^libc6(-dev-\w+-cross)?$/, 'LGPL-2.1-or-later'],
  [/^lib(gcc-s1|stdc\+\+6|atomic1)$/, 'GPL-3.0-or-later WITH GCC-exception-3.1'],
  [/^libzstd-dev$/, 'BSD-3-Clause'],
];

function debianComponent(architecture: string, name: string, files: readonly string[]): Component {
  const version = debianVersion(architecture, name);
  const licence = DEBIAN_LICENCES.find(([names]) => names.test(name))?.[1];
  if (licence === undefined) throw new Error(`nobody said what the licence of ${name} is`);
  return {
    name,
    version,
    licence,
    purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`,
    files,
  };
}
