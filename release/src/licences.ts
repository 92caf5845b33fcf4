import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from './component.ts';
import { ROOT } from './paths.ts';

/** What everything in a program is licensed under, with the texts: they have to come with it. */
export function licenceList(components: readonly Component[]): string {
  const table = components.map(({ name, version, licence }) => `${name} ${version}: ${licence}`);
  const texts = components.map(
    (component) => `${'='.repeat(78)}\n${component.name}\n\n${licenceText(component)}\n`,
  );
  return `${['Hakiri: Apache-2.0. It holds:', '', ...table].join('\n')}\n\n${texts.join('\n')}`;
}

const IS_LICENCE = /^(licen[cs]e|copying|notice)/i;

function licenceText({ name, purl, licence }: Component): string {
  if (purl.startsWith('pkg:deb/')) return readFileSync(`/usr/share/doc/${name}/copyright`, 'utf8');
  const folder = join(ROOT, 'node_modules', decodeURIComponent(/npm\/(.*)@/.exec(purl)?.[1] ?? ''));
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => IS_LICENCE.test(file)) : [];
  if (files.length === 0) return `Comes without a text of its own; see ${licence}.`;
  return files
    .sort()
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}
