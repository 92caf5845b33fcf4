import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Analyzer } from '@hakiri/core';
import { type ParsedTextQuery, parseTextQuery, searchText } from '../../src/text/index.ts';
import { below, generator, pick, type Random, type Spread, spread, text, vocabulary } from './corpus.ts';
import { type NaiveRow, naiveSearch } from './naive-search.ts';

const SEEDS = Number(process.env.HAKIRI_FUZZ_COUNT ?? 20);
const FIRST_SEED = Number(process.env.HAKIRI_SEED ?? 1);

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
  test(`finds what naive BM25 finds, in its order (HAKIRI_SEED=${seed} HAKIRI_FUZZ_COUNT=1)`, () => {
    const random = generator(seed);
    const analyzer = pick(random, ['english', 'english', 'simple', 'none'] as const);
    const words = vocabulary(random, 5 + below(random, 300));
    const fields = 1 + below(random, 3);
    const most = analyzer === 'none' ? 2 : pick(random, [3, 12, 60]);
    const rows: NaiveRow[] = Array.from({ length: 1 + below(random, seed % 10 === 0 ? 6000 : 700) }, () =>
      Array.from({ length: fields }, () => (random() < 0.1 ? null : text(random, words, most))),
    );
    const share = pick(random, [1, 1, 0.9, 0.5, 0.1, 0.02]);
    const seen = rows.map(() => random() < share);
    const parts = spread(random, rows, analyzer, (row) => seen[row]!);
    const alone = rows.flatMap((_, row) => (seen[row]! ? [row] : []));
    for (let n = 0; n < 25; n++) {
      const query = parseTextQuery(queryText(random, words), analyzer);
      check(random, query, parts, alone, rows);
    }
  });
}

function queryText(random: Random, words: readonly string[]): string {
  const common = () => words[Math.floor(words.length ** random()) - 1]!;
  const pieces = Array.from({ length: 1 + below(random, pick(random, [1, 3, 8])) }, () => {
    const sign = pick(random, ['', '', '', '+', '-']);
    const kind = below(random, 6);
    if (kind === 0) return `${sign}"${common()} ${common()}${random() < 0.3 ? ` ${common()}` : ''}"`;
    if (kind === 1) return `${sign}${common().slice(0, 1 + below(random, 5))}*`;
    return sign + common();
  });
  return pieces.join(pick(random, [' ', ' ', ' AND ', ' OR ', ' NOT ']));
}

/** Rows that are not visible are no part of what is expected: they are not there at all. */
function check(
  random: Random,
  query: ParsedTextQuery,
  { documents, rowOf }: Spread,
  alone: readonly number[],
  rows: readonly NaiveRow[],
): void {
  const expected = naiveSearch(
    alone.map((row) => rows[row]!),
    query,
  );
  const byRow = new Map([...expected].map(([i, score]) => [alone[i]!, score]));
  const k = pick(random, [1, 10, 10, 100, rows.length]);
  const tieOrder = (partA: number, a: number, partB: number, b: number): number =>
    rowOf[partA]![a]! - rowOf[partB]![b]!;
  const { hits } = searchText(documents, query, { k, tieOrder });
  assert.deepEqual(hits, searchText(documents, query, { k: rows.length, tieOrder }).hits.slice(0, k));
  const found = hits.map(({ part, ordinal, score }) => ({ row: rowOf[part]![ordinal]!, score }));
  const what = JSON.stringify(query);
  assert.equal(found.length, Math.min(k, byRow.size), what);
  for (const { row, score } of found) {
    assert.ok(
      Math.abs(score - (byRow.get(row) ?? Number.NaN)) <= 1e-6,
      `${what} row ${row}: ${score}, naive ${byRow.get(row)}`,
    );
  }
  const best = [...byRow.values()].sort((a, b) => b - a);
  for (const [rank, { row, score }] of found.entries()) {
    assert.ok(Math.abs(score - best[rank]!) <= 1e-6, `${what} rank ${rank}`);
    const next = found[rank + 1];
    if (next === undefined) continue;
    assert.ok(next.score < score || (next.score === score && next.row > row), `${what}: ranks ${rank}`);
  }
  assert.equal(new Set(found.map(({ row }) => row)).size, found.length);
}

test('scores are the same to the last bit however rows are spread over parts', () => {
  const random = generator(77);
  const words = vocabulary(random, 200);
  const rows: NaiveRow[] = Array.from({ length: 1500 }, () => [text(random, words, 40)]);
  const seen = rows.map(() => random() < 0.8);
  const answers = (): unknown[] => {
    const { documents, rowOf } = spread(random, rows, 'english', (row) => seen[row]!);
    const tieOrder = (partA: number, a: number, partB: number, b: number): number =>
      rowOf[partA]![a]! - rowOf[partB]![b]!;
    return [
      words[0]!,
      words.slice(0, 8).join(' '),
      `+${words[1]} ${words[2]}`,
      `"${words[0]} ${words[0]}"`,
    ].map((query) =>
      searchText(documents, parseTextQuery(query, 'english'), { k: 50, tieOrder }).hits.map(
        ({ part, ordinal, score }) => [rowOf[part]![ordinal], score],
      ),
    );
  };
  const once = answers();
  for (let i = 0; i < 5; i++) assert.deepEqual(answers(), once);
});

test('very long rows and words that come very often score as the others do', () => {
  const rows: NaiveRow[] = Array.from({ length: 400 }, (_, i) => [
    `${'often '.repeat(1 + ((i * 7) % 40))}${'filler '.repeat((i * 13) % 90)}rare${i % 50}`,
  ]);
  rows[200] = [`often ${'filler '.repeat(70_000)}`];
  rows[201] = [`${'often '.repeat(70_000)}`];
  const random = generator(1);
  const all = rows.map((_, row) => row);
  for (let n = 0; n < 3; n++) {
    const parts = spread(random, rows, 'simple', () => true);
    for (const query of ['often', 'often filler rare1', '+often +rare3', '"often filler"', 'oft*']) {
      check(random, parseTextQuery(query, 'simple'), parts, all, rows);
    }
  }
});

test('of rows with one score the first come first where no order is given', () => {
  const random = generator(2);
  const { documents } = spread(
    random,
    Array.from({ length: 900 }, () => ['the same']),
    'simple',
    () => true,
  );
  const { hits } = searchText(documents, parseTextQuery('same', 'simple'), { k: 5 });
  const first = documents.findIndex(({ visible }) => visible.count > 0);
  assert.deepEqual(
    hits.map(({ part, ordinal }) => [part, ordinal]),
    [0, 1, 2, 3, 4].map((ordinal) => [first, ordinal]),
  );
});

test('nothing to look in and nothing to look for give no rows', () => {
  const random = generator(3);
  const { documents } = spread(random, [['a text']], 'simple', () => true);
  const hidden = spread(random, [['a text']], 'simple', () => false);
  const none = { hits: [], visibleRows: 0, postings: 0 };
  assert.deepEqual(searchText([], parseTextQuery('text', 'simple'), { k: 5 }), none);
  assert.deepEqual(searchText(hidden.documents, parseTextQuery('text', 'simple'), { k: 5 }), none);
  assert.deepEqual(searchText(documents, parseTextQuery('text', 'simple'), { k: 0 }).hits, []);
  for (const query of ['', 'absent', '-text', '"a absent"', '+text +absent']) {
    assert.deepEqual(searchText(documents, parseTextQuery(query, 'simple'), { k: 5 }).hits, [], query);
  }
});

test('an analyzer of the query that is not the segment’s is refused', () => {
  const random = generator(1);
  const { documents } = spread(random, [['a text']], 'simple', () => true);
  const other: Analyzer = 'english';
  assert.throws(() => searchText(documents, parseTextQuery('text', other), { k: 1 }), RangeError);
});
