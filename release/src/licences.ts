import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Component } from './component.ts';
import { debianRoot } from './debian.ts';
import { packageFolder } from './packages.ts';
import { RELEASE, ROOT } from './paths.ts';

/**
 * What everything in a program is licensed under, with the texts: they have to come with it. Throws when a component
 * has no text.
 */
export function licenceList(components: readonly Component[]): string {
  const table = components.map(({ name, version, licence }) => `${name} ${version}: ${licence}`);
  const texts = components.map(
    (component) => `${'='.repeat(78)}\n${component.name}\n\n${licenceText(component)}\n`,
  );
  return `${['Hakiri: Apache-2.0. It holds:', '', ...table].join('\n')}\n\n${texts.join('\n')}`;
}

const IS_LICENCE = /^(licen[cs]e|copying|notice)/i;

/** Of a component: what its package holds, or `release/licences` for packages that come without their makers' text. */
export function licenceText({ name, version, licence, purl }: Component): string {
  if (purl.startsWith('pkg:deb/')) {
    const root = debianRoot(/\?arch=(.*)/.exec(purl)?.[1] ?? '');
    return readFileSync(join(root, 'usr/share/doc', name, 'copyright'), 'utf8');
  }
  const own = join(RELEASE, 'licences', `${name.replace('/', '-')}-${version}.txt.gz`);
  if (existsSync(own)) return gunzipSync(readFileSync(own)).toString();
  const packageName = decodeURIComponent(/npm\/(.*)@/.exec(purl)?.[1] ?? name);
  const texts = textsIn(packageFolder({ name: packageName, version }));
  if (texts.length > 0) return texts.join('\n');
  // The same for everybody: it names no owner.
  if (licence === 'Apache-2.0') return readFileSync(join(ROOT, 'LICENSE'), 'utf8');
  throw new Error(
    `${packageName} ${version} comes without the text of its licence, ${licence}: it belongs in ${own}`,
  );
}

function textsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => IS_LICENCE.test(file))
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    .filter((text) => text !== '');
}
