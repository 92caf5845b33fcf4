import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readDocumentation } from './documentation.ts';
import { readMarkdown } from './markdown-sections.ts';
import { ndcg } from './ndcg.ts';
import { searchersOver } from './searchers.ts';

/**
 * How well search finds what people linked to: sections of the documentation of installed packages, asked for by the
 * texts of the links that lead to them. Neither titles of sections nor those links' texts are indexed, so that a link
 * finds its target by what the target says. A few hundred questions over some two thousand sections of technical
 * English: enough to see a change for the worse, not to say how good search is elsewhere.
 *
 * HAKIRI_RECORD=1 records the figures as the new baseline, after a change that is meant, or of the packages.
 */
const BASELINE = join(import.meta.dirname, 'baseline.json');
const TOLERANCE = 0.005;

interface Baseline {
  readonly corpus: string;
  readonly sections: number;
  readonly queries: number;
  readonly ndcgAt10: Readonly<Record<string, number>>;
}

test('search finds what links lead to as well as it did', async (t) => {
  const { sections, queries, digest } = readDocumentation(
    join(import.meta.dirname, '../../../../node_modules'),
  );
  const searchers = await searchersOver(
    t,
    sections.map(({ text }) => text),
  );
  const figures: Record<string, number> = {};
  for (const [mode, search] of Object.entries(searchers)) {
    let sum = 0;
    for (const { text, relevant } of queries) sum += ndcg(await search(text), relevant);
    figures[mode] = Number((sum / queries.length).toFixed(4));
  }
  const now: Baseline = {
    corpus: digest,
    sections: sections.length,
    queries: queries.length,
    ndcgAt10: figures,
  };
  t.diagnostic(`nDCG@10 over ${now.queries} queries, ${now.sections} sections: ${JSON.stringify(figures)}`);
  if (process.env.HAKIRI_RECORD === '1') {
    writeFileSync(BASELINE, `${JSON.stringify(now, null, 2)}\n`);
    return;
  }
  const before = JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline;
  assert.equal(
    now.corpus,
    before.corpus,
    'the documentation of the packages changed: record the figures again (HAKIRI_RECORD=1)',
  );
  for (const [mode, figure] of Object.entries(before.ndcgAt10)) {
    assert.ok(figures[mode]! >= figure - TOLERANCE, `${mode}: ${figures[mode]}, and it was ${figure}`);
  }
});

test('sections, their anchors and the links between them are told as GitHub tells them', () => {
  const { sections, links } = readMarkdown([
    {
      path: 'a/README.md',
      content: [
        'Before any heading, see [the *guide*](docs/guide.md).',
        '# A `tool`',
        'Text with <b>markup</b>, [an outside link](https://example.com) and [how it fails](#errors-1).',
        '```sh',
        '# not a heading',
        '```',
        '## Errors',
        '## Errors',
        'Of the second kind. [API](./docs/guide.md#class-client) [nothing](#gone)',
      ].join('\n'),
    },
    { path: 'a/docs/guide.md', content: '# Guide\nHello.\n## Class: `Client`\n[up](../README.md)' },
  ]);
  assert.deepEqual(
    sections.map(({ id }) => id),
    [
      'a/README.md#',
      'a/README.md#a-tool',
      'a/README.md#errors',
      'a/README.md#errors-1',
      'a/docs/guide.md#guide',
      'a/docs/guide.md#class-client',
    ],
  );
  assert.equal(sections[1]?.text, 'Text with markup , an outside link and . # not a heading');
  assert.deepEqual(links, [
    { text: 'the guide', from: 'a/README.md#', to: 'a/docs/guide.md#guide' },
    { text: 'how it fails', from: 'a/README.md#a-tool', to: 'a/README.md#errors-1' },
    { text: 'API', from: 'a/README.md#errors-1', to: 'a/docs/guide.md#class-client' },
    { text: 'up', from: 'a/docs/guide.md#class-client', to: 'a/README.md#' },
  ]);
});

test('gain counts the place of what is found', () => {
  assert.equal(ndcg([1, 2, 3], new Set([1])), 1);
  assert.equal(ndcg([3, 2, 1], new Set([3, 2])), 1);
  assert.equal(ndcg([3, 1], new Set([1])), 1 / Math.log2(3));
  assert.equal(ndcg([4, 5], new Set([1])), 0);
  assert.equal(ndcg([...Array(10).keys(), 77], new Set([77])), 0);
});
