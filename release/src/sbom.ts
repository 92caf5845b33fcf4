import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from './component.ts';
import { lockedPackages } from './lock.ts';
import { pinnedDigest } from './packages.ts';
import { ROOT } from './paths.ts';

/** The folder of the npm package that a module of a bundle comes from, below the root. */
export function packageFolderOf(module: string): string | undefined {
  return /(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module.replace(/^[^:]*:/, ''))?.[0];
}

/** The npm packages of which a module is in the bundle, at the versions and licences that are locked. */
export function bundledPackages(inputs: readonly string[]): readonly Component[] {
  const locked = new Map(lockedPackages().map((entry) => [entry.folder, entry]));
  const folders = new Set(inputs.flatMap((path) => packageFolderOf(path) ?? []));
  const packages = [...folders].sort().map((folder) => {
    const found = locked.get(folder);
    if (found === undefined) throw new Error(`${folder} is in the bundle and not in package-lock.json`);
    const { name, version, licence = declaredLicence(folder) } = found;
    return { name, version, licence, purl: npmPurl(name, version), files: [] };
  });
  // npm may have put one version in two places.
  return [...new Map(packages.map((component) => [component.purl, component])).values()];
}

function declaredLicence(folder: string): string {
  const { license } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as {
    readonly license?: string;
  };
  if (license === undefined) throw new Error(`${folder} names no licence`);
  return license;
}

export function npmPurl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** Of the package as it was fetched; Debian's archive has its own for its packages, and their files are listed. */
function packageHashes({ purl, version }: Component): object {
  const name = decodeURIComponent(/^pkg:npm\/(.*)@/.exec(purl)?.[1] ?? '');
  const digest = pinnedDigest({ name, version });
  return digest === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: digest }] };
}

/** A bill of materials in the form of CycloneDX 1.6; without a time or a serial number, which differ from build to build. */
export function cycloneDx(
  program: { readonly name: string; readonly version: string; readonly digest: string },
  components: readonly Component[],
  digestOf: (file: string) => string,
): string {
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': program.name,
        name: program.name,
        version: program.version,
        hashes: [{ alg: 'SHA-256', content: program.digest }],
        licenses: [{ expression: 'Apache-2.0' }],
      },
    },
    components: components.map((component) => ({
      type: 'library',
      'bom-ref': component.purl,
      name: component.name,
      version: component.version,
      ...packageHashes(component),
      licenses: [{ expression: component.licence }],
      purl: component.purl,
      ...nestedFiles(component, digestOf),
    })),
    dependencies: [{ ref: program.name, dependsOn: components.map(({ purl }) => purl) }],
    compositions: [
      {
        // Their makers linked others' work into them, and no package of npm lists it.
        aggregate: 'incomplete',
        assemblies: components
          .filter(({ purl, files }) => purl.startsWith('pkg:npm/') && files.length > 0)
          .map(({ purl }) => purl),
      },
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function nestedFiles({ purl, files, linked = {} }: Component, digestOf: (file: string) => string): object {
  const digests = [...files.map((file) => [file, digestOf(file)] as const), ...Object.entries(linked)];
  if (digests.length === 0) return {};
  return {
    components: digests.map(([file, digest]) => ({
      type: 'file',
      'bom-ref': `${purl}#${file}`,
      name: file,
      hashes: [{ alg: 'SHA-256', content: digest }],
    })),
  };
}
