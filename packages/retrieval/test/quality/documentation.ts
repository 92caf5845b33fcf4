import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMarkdown, type Section } from './markdown-sections.ts';

/** Installed packages whose documentation is real text in English; their versions are those of package-lock.json. */
const PACKAGES = [
  '@decimalturn/toml-patch',
  '@duckdb/node-api',
  '@ewoudenberg/difflib',
  '@octokit/fixtures',
  '@opentelemetry/core',
  '@opentelemetry/semantic-conventions',
  'binaryen',
  'croner',
  'cross-spawn',
  'debug',
  'eventsource-parser',
  'fast-check',
  'hyparquet',
  'ipaddr.js',
  'nock',
  'node-addon-api',
  'pino',
  'porter2',
  'smol-toml',
  'undici',
  'usearch',
];
const NO_GUIDE = /(^|\/)(changelog|history|license|contributing|security|code_of_conduct)[^/]*$/i;
const SHORTEST_TEXT = 80;
const SHORTEST_QUERY = 5;
/** A text that leads to more places says little about any of them. */
const MOST_TARGETS = 3;

export interface Query {
  readonly text: string;
  /** Numbers of sections. */
  readonly relevant: ReadonlySet<number>;
}

export interface Documentation {
  readonly sections: readonly Section[];
  readonly queries: readonly Query[];
  /** Of all that decides the figures. */
  readonly digest: string;
}

/** The same sections and queries wherever the same packages are installed. */
export function readDocumentation(nodeModules: string): Documentation {
  const files = PACKAGES.flatMap((name) =>
    globSync('**/*.md', { cwd: join(nodeModules, name), exclude: (path) => path === 'node_modules' })
      .map((path) => `${name}/${path.replaceAll('\\', '/')}`)
      .filter((path) => !NO_GUIDE.test(path)),
  ).sort();
  const { sections, links } = readMarkdown(
    files.map((path) => ({ path, content: readFileSync(join(nodeModules, path), 'utf8') })),
  );
  const kept = sections.filter(({ text }) => text.length >= SHORTEST_TEXT);
  const numbers = new Map(kept.map(({ id }, i) => [id, i]));
  const targets = new Map<string, Set<number>>();
  for (const { text, from, to } of links) {
    const number = numbers.get(to);
    if (number === undefined || from === to || text.length < SHORTEST_QUERY) continue;
    const query = text.toLowerCase();
    targets.set(query, (targets.get(query) ?? new Set()).add(number));
  }
  const queries = [...targets]
    .filter(([, relevant]) => relevant.size <= MOST_TARGETS)
    .map(([text, relevant]) => ({ text, relevant }));
  const digest = createHash('sha256').update(
    JSON.stringify([kept, queries.map(({ text, relevant }) => [text, [...relevant]])]),
  );
  return { sections: kept, queries, digest: digest.digest('hex').slice(0, 16) };
}
