import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { everyRow, type RowSet, rowSetOf } from '../packages/retrieval/src/sets/row-set.ts';
import {
  createTextSegmentBuilder,
  openTextSegment,
  parseTextQuery,
  searchText,
  type TextHit,
  type TextSegment,
} from '../packages/retrieval/src/text/index.ts';
import { median } from './support/measure.ts';
import { type NaiveBm25, naiveBm25 } from './support/naive-bm25.ts';
import { generator } from './support/prose.ts';
import { type Bar, limitBar, ratioBar, type Scale } from './support/report.ts';
import { openTantivy, type TantivyRows } from './support/tantivy.ts';
import { zipfTexts } from './support/zipf-text.ts';

const K = 10;
const SEED = 20_261_122;
const ALLOWED_EVERY = 100;
const ALLOWED_AT = 7;
const QUERIES = 60;
const ROUNDS = 5;
const CHECKED = 12;
const LARGEST_DIFFERENCE = 1e-6;

interface Kind {
  readonly name: string;
  readonly bar: number;
  readonly filtered?: boolean;
  /** Whether naive BM25 of its words alone says what is right. */
  readonly checked?: boolean;
  readonly query: (words: Words) => string;
}

interface Words {
  /** So many different ones, the most frequent `from` to `to`, each size of rank as likely. */
  some(count: number, from: number, to: number): readonly string[];
  /** As they stand in a text. */
  following(count: number): readonly string[];
  start(): string;
  below(most: number): number;
}

const eightCommon = (words: Words): string => words.some(8, 10, 150).join(' ');

const KINDS: readonly Kind[] = [
  { name: 'one word', bar: 1.5, checked: true, query: (words) => words.some(1, 20, 20_000).join(' ') },
  {
    name: 'OR of 1 to 3 words',
    bar: 1.5,
    checked: true,
    query: (words) => words.some(1 + words.below(3), 20, 20_000).join(' '),
  },
  { name: 'OR of 8 common words', bar: 1, checked: true, query: eightCommon },
  {
    name: 'AND of 2 to 3 words',
    bar: 1.5,
    query: (words) => words.some(2 + words.below(2), 20, 3000).join(' AND '),
  },
  { name: 'phrase of 3', bar: 1.5, query: (words) => `"${words.following(3).join(' ')}"` },
  { name: 'prefix (the peer gives every row one score)', bar: 1.5, query: (words) => `${words.start()}*` },
  {
    name: 'OR of 8 common words, 1 % of rows allowed (statistics of those rows alone; the peer: of all)',
    bar: 1,
    filtered: true,
    checked: true,
    query: eightCommon,
  },
];

/** Full text in one segment on the disk, both warm; the peer beside it, query by query. */
export async function keyword(scale: Scale, dataFolder: string): Promise<readonly Bar[]> {
  const bars: Bar[] = [];
  for (const rows of scale === 'full' ? [100_000, 1_000_000] : [40_000])
    bars.push(...measure(rows, dataFolder));
  return bars;
}

function measure(rows: number, dataFolder: string): readonly Bar[] {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const file = join(folder, 'rows.text');
  const naive = rows <= 100_000 ? naiveBm25() : undefined;
  const tantivy = openTantivy(dataFolder, join(folder, 'tantivy'));
  try {
    build(rows, file, tantivy, naive);
    const descriptor = openSync(file, 'r');
    try {
      return compare(rows, open(descriptor), tantivy, naive);
    } finally {
      closeSync(descriptor);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function build(rows: number, file: string, tantivy: TantivyRows, naive: NaiveBm25 | undefined): void {
  const texts = zipfTexts(SEED);
  const builder = createTextSegmentBuilder({ analyzer: 'english' });
  for (let row = 0; row < rows; row++) {
    const text = texts.text();
    builder.add(row, text);
    tantivy.add(text, row % ALLOWED_EVERY === ALLOWED_AT);
    naive?.add(text);
  }
  tantivy.finish();
  const descriptor = openSync(file, 'w');
  for (const piece of builder.finish(rows)) writeSync(descriptor, piece);
  closeSync(descriptor);
}

function open(descriptor: number): TextSegment {
  return openTextSegment((offset, length) => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
  }, fstatSync(descriptor).size);
}

function compare(
  rows: number,
  segment: TextSegment,
  tantivy: TantivyRows,
  naive: NaiveBm25 | undefined,
): readonly Bar[] {
  const words = wordsFor();
  const all = everyRow(rows);
  const allowed = rowSetOf(
    rows,
    Array.from({ length: Math.floor(rows / ALLOWED_EVERY) }, (_, i) => i * ALLOWED_EVERY + ALLOWED_AT),
  );
  const bars: Bar[] = [];
  let difference = 0;
  for (const kind of KINDS) {
    const queries = Array.from({ length: QUERIES }, () => kind.query(words));
    const visible = kind.filtered === true ? allowed : all;
    const ask = (query: string): readonly TextHit[] =>
      searchText([{ fields: [segment], visible }], parseTextQuery(query, 'english'), { k: K }).hits;
    const peer = kind.filtered === true ? tantivy.searchAllowed : tantivy.search;
    const { oursMs, theirsMs } = times(queries, ask, (query) => peer(query, K));
    const metric = `ms p50, ${kind.name}, ${rows} rows, over Tantivy's`;
    bars.push(ratioBar('keyword', metric, oursMs, theirsMs, kind.bar));
    if (kind.name === 'OR of 8 common words' && rows <= 100_000) {
      bars.push(limitBar('keyword', `ms p50, ${kind.name}, ${rows} rows`, oursMs, 10, theirsMs));
    }
    if (naive === undefined || kind.checked !== true) continue;
    for (const query of queries.slice(0, CHECKED)) {
      difference = Math.max(difference, differenceFrom(naive, query, visible, ask(query)));
    }
  }
  if (naive !== undefined) {
    const metric = `difference of a score from naive BM25's for that row and at that rank, at most, ${rows} rows`;
    bars.push({ ...limitBar('keyword', metric, difference, LARGEST_DIFFERENCE), ours: difference });
  }
  return bars;
}

/** In turns; what was asked once is warm for both. */
function times(queries: readonly string[], ours: (query: string) => void, theirs: (query: string) => void) {
  const oursMs: number[] = [];
  const theirsMs: number[] = [];
  const taken = (ask: (query: string) => void, query: string): number => {
    const started = performance.now();
    ask(query);
    return performance.now() - started;
  };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const query of queries) {
      const our = taken(ours, query);
      const their = taken(theirs, query);
      if (round === 0) continue;
      oursMs.push(our);
      theirsMs.push(their);
    }
  }
  return { oursMs: median(oursMs), theirsMs: median(theirsMs) };
}

function differenceFrom(naive: NaiveBm25, query: string, visible: RowSet, hits: readonly TextHit[]): number {
  const scores = naive.scores(
    query.split(' '),
    (row) => ((visible.words[row >>> 5]! >>> (row & 31)) & 1) === 1,
  );
  const best = scores.toSorted().reverse();
  let largest = best[hits.length] === 0 || hits.length === K ? 0 : Number.POSITIVE_INFINITY;
  for (const [rank, { ordinal, score }] of hits.entries()) {
    largest = Math.max(largest, Math.abs(score - scores[ordinal]!), Math.abs(score - best[rank]!));
  }
  return largest;
}

function wordsFor(): Words {
  const random = generator(SEED + 1);
  const texts = zipfTexts(SEED);
  const { vocabulary } = texts;
  const long = vocabulary.filter((word) => word.length > 6).slice(0, 5000);
  const below = (most: number): number => Math.floor(random() * most);
  return {
    below,
    some(count, from, to) {
      const found = new Set<string>();
      while (found.size < count) found.add(vocabulary[Math.floor(from * (to / from) ** random())]!);
      return [...found];
    },
    following(count) {
      const words = texts.text().split(' ');
      const at = below(words.length - count);
      return words.slice(at, at + count);
    },
    start: () => long[below(long.length)]!.slice(0, 5),
  };
}
