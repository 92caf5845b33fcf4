import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from './component.ts';
import { ROOT } from './paths.ts';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
}

/** The npm packages of which a module is in the bundle, at the versions and licences that are locked. */
export function bundledPackages(inputs: readonly string[]): readonly Component[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  const folders = new Set(
    inputs.flatMap(
      (path) => /(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.replace(/^[^:]*:/, ''))?.[0] ?? [],
    ),
  );
  const packages = [...folders].sort().map((folder) => {
    const locked = lock.packages[folder];
    if (locked?.version === undefined)
      throw new Error(`${folder} is in the bundle and not in package-lock.json`);
    const name = folder.replace(/^.*node_modules\//, '');
    const { license: licence = declaredLicence(folder), version } = locked;
    return { name, version, licence, purl: npmPurl(name, version), files: [] };
  });
  // npm may have put one version in two places.
  return [...new Map(packages.map((component) => [component.purl, component])).values()];
}

function declaredLicence(folder: string): string {
  const { license } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Locked;
  if (license === undefined) throw new Error(`${folder} names no licence`);
  return license;
}

export function npmPurl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
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
    components: components.map(({ name, version, licence, purl, files }) => ({
      type: 'library',
      'bom-ref': purl,
      name,
      version,
      licenses: [{ expression: licence }],
      purl,
      ...(files.length === 0
        ? {}
        : {
            components: files.map((file) => ({
              type: 'file',
              'bom-ref': `${purl}#${file}`,
              name: file,
              hashes: [{ alg: 'SHA-256', content: digestOf(file) }],
            })),
          }),
    })),
    dependencies: [{ ref: program.name, dependsOn: components.map(({ purl }) => purl) }],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
