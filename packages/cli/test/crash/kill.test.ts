import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type NodeId, OWNER_GRANT } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { createServe } from '@hakiri/retrieval';
import { examineStore, nodeFiles, openStore, type StoreOptions } from '@hakiri/store';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { testEngine } from '../../../engine/test/support/engine.ts';
import { systemClock } from '../../src/system-clock.ts';
import { type Kill, live, start } from '../support/kill.ts';

/** As many kills as asked for; otherwise as many as fit in the time. */
const COUNT = Number(process.env.HAKIRI_CRASH_COUNT ?? Number.POSITIVE_INFINITY);
const BUDGET_MS = Number.isFinite(COUNT) ? Number.POSITIVE_INFINITY : 2_000;
const LANES = 2;

const PAGE_ROWS = 20;
const PAGES = 6;
/** Pages that are committed already where a run does not start from nothing. */
const FIRST_PAGES = 2;
const KEYS = 7;

/** Key k changes all the time: version v belongs to key v % KEYS. */
const ROWS = Array.from({ length: PAGES * PAGE_ROWS }, (_, v) => ({
  id: v % KEYS,
  version: v + 1,
  text: `row ${v}`,
}));

const home = mkdtempSync(join(tmpdir(), 'hakiri-kill-'));
const engine: Engine = testEngine();
/** How many pages the server has. */
let served = PAGES;
const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://x');
  const since = Number(searchParams.get('since') ?? 0);
  const page = Number(searchParams.get('page') ?? 1);
  const rows = ROWS.slice(0, served * PAGE_ROWS).filter(({ version }) => version > since);
  const body = JSON.stringify(rows.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS));
  response.setHeader('content-type', 'application/json').end(body);
});
before(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
after(async () => {
  server.closeAllConnections();
  server.close();
  await engine.close();
  rmSync(home, { recursive: true, force: true });
});

interface Scenario {
  readonly name: string;
  readonly source: () => string;
  /** Gives the source of the project in that folder so many pages. */
  readonly offer: (folder: string, pages: number) => void;
}

/** Each scenario fills a table with a key, and one where every row counts. */
const SCENARIOS: readonly Scenario[] = [
  {
    name: 'file',
    source: () => `source = { connector = "file", config = { path = "in/*.ndjson" } }
tables = [
  { source = "merged", name = "merged", primary_key = ["id"], incremental = "version", commit_every = "10 rows" },
  { source = "appended", name = "appended", mode = "append", commit_every = "10 rows" },
]`,
    offer: (folder, pages) => {
      mkdirSync(join(folder, 'in'), { recursive: true });
      for (let page = 0; page < pages; page++) {
        const rows = ROWS.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS);
        const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
        writeFileSync(join(folder, `in/${page}.ndjson`), lines);
      }
    },
  },
  {
    name: 'http',
    source: () => {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const list =
        'path = "/rows", pagination = { type = "page" }, incremental = { column = "version", param = "since", format = "raw", order = "ascending" }';
      return `allow_hosts = ["${host}"]
source = { connector = "http", config = { base_url = "http://${host}", resources = [{ name = "merged", primary_key = "id", ${list} }, { name = "appended", ${list} }] } }
tables = [
  { source = "merged", name = "merged", commit_every = "10 rows" },
  { source = "appended", name = "appended", commit_every = "10 rows" },
]`;
    },
    offer: (_, pages) => {
      served = pages;
    },
  },
];

const storeOptions = (folder: string): StoreOptions => ({
  root: join(folder, '.hakiri'),
  project: 'kill',
  node: '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId,
  files: nodeFiles,
  clock: systemClock,
  engine,
});

/** What the tables hold, each as the number of pages of which that is the state; an assertion fails for any other. */
async function pagesHeld(folder: string): Promise<{ readonly merged: number; readonly appended: number }> {
  const store = await openStore(storeOptions(folder)).catch((error: { code: string }) => {
    if (error.code === 'store.not_found') return undefined;
    throw error;
  });
  if (store === undefined) return { merged: 0, appended: 0 };
  try {
    const names = (await store.tables()).map(({ name }) => String(name));
    const serve = createServe({ store, engine, notes: new Map() });
    const rowsOf = async (table: string): Promise<string> =>
      names.includes(table)
        ? JSON.stringify(
            (
              await serve.query(
                { sql: `SELECT id, version, text FROM ${table} ORDER BY version` },
                OWNER_GRANT,
              )
            ).rows,
          )
        : '[]';
    return {
      merged: pageOf(MERGED, await rowsOf('merged')),
      appended: pageOf(APPENDED, await rowsOf('appended')),
    };
  } finally {
    await store.close();
  }
}

function pageOf(states: readonly string[], rows: string): number {
  const pages = states.indexOf(rows);
  assert.notEqual(pages, -1, `the table holds neither an old state nor a new one: ${rows}`);
  return pages;
}

const cells = (rows: typeof ROWS): string =>
  JSON.stringify(rows.map(({ id, version, text }) => [id, version, text]));
const APPENDED = Array.from({ length: PAGES + 1 }, (_, pages) => cells(ROWS.slice(0, pages * PAGE_ROWS)));
const MERGED = Array.from({ length: PAGES + 1 }, (_, pages) => {
  const newest = new Map(ROWS.slice(0, pages * PAGE_ROWS).map((row) => [row.id, row]));
  return cells([...newest.values()].sort((a, b) => a.version - b.version));
});

async function assertNothingFailed(folder: string): Promise<void> {
  const { checks } = await examineStore(storeOptions(folder));
  assert.deepEqual(
    checks.filter(({ state }) => state === 'failed'),
    [],
  );
}

/** What is measured of a scenario before anything is killed. */
interface Measured {
  readonly scenario: Scenario;
  /** A project in which some pages are committed, and one in which nothing is. */
  readonly templates: readonly { readonly folder: string; readonly pages: number }[];
  readonly runMs: number;
  readonly commits: number;
}

async function measure(scenario: Scenario): Promise<Measured> {
  const folder = (name: string): string => {
    const path = join(home, `${scenario.name}-${name}`);
    mkdirSync(path);
    writeFileSync(
      join(path, 'hakiri.toml'),
      `[project]\nname = "kill"\n[[pipeline]]\nid = "p"\n${scenario.source()}\n`,
    );
    return path;
  };
  const some = folder('some');
  scenario.offer(some, FIRST_PAGES);
  const first = await live(start(some, 'run'), undefined);
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(await pagesHeld(some), { merged: FIRST_PAGES, appended: FIRST_PAGES });
  scenario.offer(some, PAGES);

  const fresh = folder('fresh');
  scenario.offer(fresh, PAGES);
  const template = join(home, `${scenario.name}-none`);
  cpSync(fresh, template, { recursive: true });
  const whole = await live(start(fresh, 'run'), undefined);
  assert.equal(whole.code, 0, whole.stderr);
  assert.deepEqual(await pagesHeld(fresh), { merged: PAGES, appended: PAGES });
  return {
    scenario,
    templates: [
      { folder: template, pages: 0 },
      { folder: some, pages: FIRST_PAGES },
    ],
    runMs: whole.elapsedMs,
    commits: whole.stderr.split(': committed ').length - 1,
  };
}

interface Tally {
  kills: number;
  readonly reached: Set<string>;
}

async function killOnce(measured: Measured, index: number, seed: number, tally: Tally): Promise<void> {
  const random = seededRandom(seed + index * 7919).next;
  const { scenario, templates, runMs, commits } = measured;
  const template = templates[Math.floor(random() * templates.length)]!;
  const kill: Kill =
    random() < 0.5
      ? { kind: 'at', ms: random() * runMs * 1.1 }
      : { kind: 'near', commit: 1 + Math.floor(random() * (commits - 1)), ms: random() * 40 };
  const folder = join(home, `case-${index}`);
  cpSync(template.folder, folder, { recursive: true });
  const what = `seed ${seed}, kill ${index} of ${scenario.name} from ${template.pages} pages: ${JSON.stringify(kill)}`;
  try {
    const { code } = await live(start(folder, 'run'), kill);
    if (code === null) tally.kills++;
    const held = await pagesHeld(folder);
    for (const pages of Object.values(held)) assert.ok(pages >= template.pages, 'committed rows are gone');
    tally.reached.add(`${scenario.name} ${held.merged}`);
    await assertNothingFailed(folder);
    const next = await live(start(folder, 'run'), undefined);
    assert.equal(next.code, 0, next.stderr);
    assert.deepEqual(
      await pagesHeld(folder),
      { merged: PAGES, appended: PAGES },
      'the next run did not complete',
    );
    await assertNothingFailed(folder);
  } catch (error) {
    throw new Error(what, { cause: error });
  }
  rmSync(folder, { recursive: true });
}

test('a run that is killed at any instant leaves an old state or a new one, and the next run completes', async (t) => {
  const seed = TEST_SEED;
  const measured: Measured[] = [];
  for (const scenario of SCENARIOS) measured.push(await measure(scenario));
  const started = performance.now();
  const tally: Tally = { kills: 0, reached: new Set() };
  let index = 0;
  const lane = async (): Promise<void> => {
    // A machine that is faster by now lets the first ones come to their end.
    while (index < COUNT && (tally.kills === 0 || performance.now() - started < BUDGET_MS)) {
      const mine = index++;
      await killOnce(measured[mine % measured.length]!, mine, seed, tally);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const lengths = measured.map(({ scenario, runMs }) => `${scenario.name} ${Math.round(runMs)} ms`);
  t.diagnostic(
    `seed ${seed}: ${index} runs (${lengths.join(', ')}), ${tally.kills} of them killed before their end, states met: ${[...tally.reached].sort().join(', ')}`,
  );
  assert.ok(tally.kills > 0, 'no run was killed');
});
