import type { BundledModule } from './bundle.ts';
import type { Component } from './component.ts';
import { packageFolderOf } from './sbom.ts';

/** What each part takes of a program as it is downloaded. */
export interface Costs {
  readonly version: string;
  readonly bytes: number;
  /** By name; together they are the whole program. */
  readonly parts: Readonly<Record<string, Cost>>;
}

export interface Cost {
  /** None of what is made here; several where several are in the program. */
  readonly version?: string;
  readonly bytes: number;
}

export interface Packed {
  readonly version: string;
  /** Of the whole program. */
  readonly bytes: number;
  /** Of each file of the payload, compressed. */
  readonly packedSizes: ReadonlyMap<string, number>;
  readonly components: readonly Component[];
  readonly modules: readonly BundledModule[];
}

/** The bundle and the code that was compiled of it: each package has a share in both. */
const BUNDLE: readonly string[] = ['hakiri.cjs', 'hakiri.cache'];
const LISTS: readonly string[] = ['LICENCES.txt', 'release.json', 'release.txt'];

export function costsOf({ version, bytes, packedSizes, components, modules }: Packed): Costs {
  const owners = new Map(components.flatMap(({ name, files }) => files.map((file) => [file, name])));
  const sums = new Map<string, number>();
  const add = (part: string, more: number): void => void sums.set(part, (sums.get(part) ?? 0) + more);
  let ofBundle = 0;
  let ofFiles = 0;
  for (const [file, size] of packedSizes) {
    ofFiles += size;
    if (BUNDLE.includes(file)) ofBundle += size;
    else add(owners.get(file) ?? (LISTS.includes(file) ? 'licences and lists' : 'launcher'), size);
  }
  // With what is linked into it, and the index of the payload.
  add('launcher', bytes - ofFiles);
  const weights = new Map<string, number>();
  for (const { path, bytes: weight } of modules)
    weights.set(partOf(path), (weights.get(partOf(path)) ?? 0) + weight);
  for (const [part, share] of shares(ofBundle, weights)) add(part, share);
  const parts = [...sums].sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    version,
    bytes,
    parts: Object.fromEntries(
      parts.map(([name, sum]) => [name, { ...versionsOf(name, components), bytes: sum }]),
    ),
  };
}

/** Of our own packages, of npm's, or what the bundler puts between them. */
function partOf(module: string): string {
  const folder = packageFolderOf(module);
  if (folder !== undefined) return folder.replace(/^.*node_modules\//, '');
  const own = /^packages\/([^/]+)\//.exec(module)?.[1];
  return own === undefined ? 'joints of the bundle' : `@hakiri/${own}`;
}

function versionsOf(name: string, components: readonly Component[]): { readonly version?: string } {
  const versions = components
    .filter((component) => component.name === name)
    .map((component) => component.version);
  return versions.length === 0 ? {} : { version: versions.join(', ') };
}

/** Divides bytes by weight into whole ones that are, together, as many. */
function shares(bytes: number, weights: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const whole = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  return new Map(
    [...weights].map(([part, weight]) => {
      const from = Math.round((bytes * before) / whole);
      before += weight;
      return [part, Math.round((bytes * before) / whole) - from];
    }),
  );
}
