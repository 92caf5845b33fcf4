import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, OWNER_GRANT } from '@hakiri/core';
import {
  type HybridRow,
  type HybridRows,
  hybridRows,
  type Question,
  TOPICS,
  tenNearest,
} from './support/hybrid-rows.ts';
import { EXPANSIONS, type LancePeer, lancePeer } from './support/lance.ts';
import { median } from './support/measure.ts';
import { type Bar, limitBar, ratioBar, type Scale } from './support/report.ts';
import { type SearchStore, searchStore } from './support/search-store.ts';

interface Filter {
  readonly name: string;
  /** Ours and the peer's: both read it as SQL. */
  readonly text: string | undefined;
  passes(row: HybridRow): boolean;
  /** Ours over the peer's p50. */
  readonly bar: number;
}

const FILTERS: readonly Filter[] = [
  { name: '100 %', text: undefined, passes: () => true, bar: 1 / 2 },
  { name: '10 %', text: 'permille < 100', passes: ({ permille }) => permille < 100, bar: 1 / 2 },
  { name: '1 %', text: 'permille < 10', passes: ({ permille }) => permille < 10, bar: 1 / 3 },
  { name: '0.1 %', text: 'permille < 1', passes: ({ permille }) => permille < 1, bar: 1 / 2 },
  {
    name: '50 %, nothing of what the questions are about',
    text: `topic >= ${TOPICS / 2}`,
    passes: ({ topic }) => topic >= TOPICS / 2,
    bar: 1 / 2,
  },
];

const BEST = 10;
const LEAST_RECALL = 0.99;

/** Top ten of words and vectors together, with rows and citations, through the one way out; beside LanceDB. */
export async function hybrid(scale: Scale, dataFolder: string): Promise<readonly Bar[]> {
  const bars = await besidePeer(scale, dataFolder);
  return scale === 'full' ? [...bars, await million()] : bars;
}

async function besidePeer(scale: Scale, dataFolder: string): Promise<readonly Bar[]> {
  const data = hybridRows(scale === 'full' ? 100_000 : 10_000, 384, 60);
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const store = await searchStore(join(root, '.hakiri'), data);
  const peer = await lancePeer(dataFolder, join(root, 'lance'), data);
  try {
    const bars: Bar[] = [];
    for (const filter of FILTERS) bars.push(...(await measure(store, peer, data, filter)));
    return bars;
  } finally {
    peer.close();
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function measure(
  store: SearchStore,
  peer: LancePeer,
  data: HybridRows,
  filter: Filter,
): Promise<readonly Bar[]> {
  const what = `${data.rows} rows x ${data.dims}, filter ${filter.name}`;
  const ours: number[] = [];
  const theirs: number[] = [];
  const coldMs = await timed(() => ask(store, data.questions[0]!, filter.text, 'hybrid'));
  const expected = tenNearest(data, data.questions, filter.passes);
  const found = await recallOf(expected, data, async (question) => {
    const { rows } = await ask(store, question, filter.text, 'vector');
    return rows.map(([id]) => Number(id));
  });
  const [expansion, theirFound] = await leastExpansion(peer, data, expected, filter);
  // In blocks: nobody runs both, and each other question to the one finds the processors as the other has left them.
  // The first round is what a process does that has just started, and counts for neither.
  for (let round = 0; round < 3; round++) {
    for (const question of data.questions) {
      const ms = await timed(() => ask(store, question, filter.text, 'hybrid'));
      if (round > 0) ours.push(ms);
    }
    for (const question of data.questions) {
      const ms = await timed(() => peer.hybrid(question, filter.text, expansion));
      if (round > 0) theirs.push(ms);
    }
  }
  const missed = limitBar(
    'hybrid',
    `share of the nearest ten missed, ${what} (reference: LanceDB, ef ${expansion})`,
    1 - found,
    1 - LEAST_RECALL,
    1 - theirFound,
  );
  return [
    ratioBar(
      'hybrid',
      `ms p50, top ten with rows and citations, ${what} (${coldMs.toFixed(1)} ms cold), over LanceDB with ef ${expansion}`,
      median(ours),
      median(theirs),
      filter.bar,
    ),
    missed,
  ];
}

/** The peer is to find what ours must find, and to look no further for it than it has to. */
async function leastExpansion(
  peer: LancePeer,
  data: HybridRows,
  expected: readonly (readonly number[])[],
  { text }: Filter,
): Promise<readonly [expansion: number, recall: number]> {
  let tried: readonly [number, number] = [0, 0];
  for (const expansion of EXPANSIONS) {
    const recall = await recallOf(expected, data, (question) => peer.nearest(question, text, expansion));
    tried = [expansion, recall];
    if (recall >= LEAST_RECALL) break;
  }
  return tried;
}

function ask(
  { serve, table }: SearchStore,
  { text }: Question,
  filter: string | undefined,
  mode: 'hybrid' | 'vector',
): Promise<Answer> {
  return serve.query(
    { table, search: { text, mode, k: BEST }, ...(filter === undefined ? {} : { filter }), cite: true },
    OWNER_GRANT,
  );
}

async function recallOf(
  expected: readonly (readonly number[])[],
  { questions }: HybridRows,
  find: (question: Question) => Promise<readonly number[]>,
): Promise<number> {
  let found = 0;
  for (const [i, question] of questions.entries()) {
    const rows = new Set(await find(question));
    found += expected[i]!.filter((id) => rows.has(id)).length;
  }
  return found / expected.reduce((sum, { length }) => sum + length, 0);
}

/** A million rows of 128 dimensions, without a filter. */
async function million(): Promise<Bar> {
  const data = hybridRows(1_000_000, 128, 120);
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const store = await searchStore(join(root, '.hakiri'), data);
  try {
    const times: number[] = [];
    for (const question of [...data.questions.slice(0, 5), ...data.questions]) {
      times.push(await timed(() => ask(store, question, undefined, 'hybrid')));
    }
    const metric = 'ms p50, top ten with rows and citations, 1000000 rows x 128, 1 to 3 words, no filter';
    return limitBar('hybrid', metric, median(times.slice(5)), 15);
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
