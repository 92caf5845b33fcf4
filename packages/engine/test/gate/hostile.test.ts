import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ErrorCode, isHakiriError } from '@hakiri/core';
import type { Engine, QueryResult } from '../../src/index.ts';
import { testEngine } from '../support/engine.ts';
import { hostileTexts } from './support/hostile.ts';
import { CANARY, type GateWorld, gateWorld, KEYS } from './support/world.ts';

let engine: Engine;
let world: GateWorld;
let untouched: string;
before(async () => {
  engine = testEngine();
  world = await gateWorld(engine);
  untouched = everyFile();
});
after(() => engine.close());

const ask = (sql: string): Promise<QueryResult> =>
  engine.query({ ...world.session(sql), maxRows: 1000, maxBytes: 1e6 }, { timeoutMs: 20_000 });

/** The text of every file of the world, and which there are. */
function everyFile(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(world.folder).sort())
    hash.update(name).update(readFileSync(join(world.folder, name)));
  return hash.digest('hex');
}

/** An error about the query. One of the store's or the engine's would mean that something was reached. */
const OF_THE_QUERY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'query.refused',
  'query.not_select',
  'query.invalid',
  'query.unknown_table',
  'query.unknown_column',
]);

/** Errors about a value come from running the query, which these may, since they call nothing but allowed functions. */
const MAY_RUN = /list_aggregate|TIME ZONE|nosuchtype/;

test('hostile texts are refused, read nothing and write nothing', async (t) => {
  const { refused } = hostileTexts(world);
  assert.ok(refused.length >= 150, `${refused.length} texts`);
  for (const { sql, tries } of refused) {
    const what = `${tries}: ${sql.slice(0, 200)}`;
    const error = await ask(sql).then(
      (answer) => assert.fail(`${what} was answered: ${JSON.stringify(answer.rows).slice(0, 300)}`),
      (reason: unknown) => reason,
    );
    assert.ok(isHakiriError(error), what);
    const isRun = error.code === 'query.failed' && MAY_RUN.test(sql);
    assert.ok(OF_THE_QUERY.has(error.code) || isRun, `${what}: ${error.code} ${error.message}`);
    assert.ok(!`${error.message} ${error.hint}`.includes(CANARY), what);
  }
  assert.equal(everyFile(), untouched);
  t.diagnostic(`${refused.length} texts refused`);
});

test('what is answered all the same gives nothing away', async () => {
  for (const { sql, tries } of hostileTexts(world).harmless) {
    const what = `${tries}: ${sql}`;
    const { rows } = await ask(sql).catch((error: unknown) => {
      assert.ok(isHakiriError(error) && OF_THE_QUERY.has(error.code), `${what}: ${String(error)}`);
      return { rows: [] };
    });
    assert.ok(!JSON.stringify(rows).includes(CANARY), what);
    assert.ok(!JSON.stringify(rows).includes('_hakiri_'), what);
  }
  assert.equal(everyFile(), untouched);
});

test('a session that cites refuses the same, and shows nothing of how it does it', async () => {
  const { refused, harmless } = hostileTexts(world);
  for (const { sql, tries } of [...refused, ...harmless]) {
    const what = `${tries}: ${sql.slice(0, 200)}`;
    const request = { ...world.session(sql, { provenance: true }), maxRows: 1000, maxBytes: 1e6 };
    const outcome = await engine
      .query({ ...request, cite: { views: KEYS } }, { timeoutMs: 20_000 })
      .then(({ columns, rows }) => ({ columns, rows, message: '' }))
      .catch((error: unknown) => {
        assert.ok(isHakiriError(error), what);
        return { columns: [], rows: [], message: `${error.message} ${error.hint}` };
      });
    assert.ok(!JSON.stringify(outcome).includes(CANARY), what);
    assert.ok(!JSON.stringify(outcome).includes('_hakiri_cite'), what);
    const isNamed = sql.toLowerCase().includes('_hakiri_');
    if (!isNamed) assert.ok(!JSON.stringify(outcome).includes('_hakiri_'), `${what}: ${outcome.message}`);
  }
  assert.equal(everyFile(), untouched);
});

test('an export refuses the same, and leaves no file', async () => {
  const { refused } = hostileTexts(world);
  const output = join(world.folder, 'exported');
  for (const [i, { sql, tries }] of refused.entries()) {
    if (i % 10 !== 0) continue;
    const format = (['parquet', 'csv', 'ndjson'] as const)[(i / 10) % 3] ?? 'csv';
    await assert.rejects(
      engine.export({ ...world.session(sql), format, output }, { timeoutMs: 20_000 }),
      (error: unknown) => isHakiriError(error) && /^query\./.test(error.code),
      `${tries}: ${sql.slice(0, 200)}`,
    );
  }
  assert.equal(everyFile(), untouched);
});

test('a refusal says which construct, and what was meant', async () => {
  for (const [sql, code, message, hint] of [
    ["SELECT * FROM read_csv('x')", 'query.refused', /calls read_csv\(\), which is not allowed/, /./],
    ['SELECT * FROM duckdb_settings()', 'query.refused', /calls duckdb_settings\(\)/, /./],
    ['SELECT * FROM main.tickets', 'query.refused', /names a schema/, /./],
    ["SELECT * FROM 'x.csv'", 'query.refused', /reads from "x\.csv", which is not a table/, /./],
    ['WITH tickets AS (SELECT 1) SELECT 1', 'query.refused', /"tickets", which hides/, /another name/],
    ['SHOW TABLES', 'query.refused', /lists what the session holds/, /./],
    ['SELECT $1', 'query.refused', /has parameters/, /values/],
    ['SELECT * FROM tickts', 'query.unknown_table', /There is no table "tickts"/, /tickets/],
    ['SELECT subjct FROM tickets', 'query.unknown_column', /subjct/, /subject/],
    ['SELECT t.subjct FROM tickets t', 'query.unknown_column', /subjct/, /subject/],
    ['SELECT lenght(subject) FROM tickets', 'query.invalid', /no function lenght\(\)/, /length/],
    ['SELECT id FROM tickets WHERE', 'query.invalid', /syntax error/, /./],
    ['DROP VIEW tickets', 'query.not_select', /not a SELECT/, /./],
    ['SELECT 1; SELECT 2', 'query.not_select', /not one statement/, /./],
  ] as const) {
    await assert.rejects(ask(sql), (error: unknown) => {
      assert.ok(isHakiriError(error), sql);
      assert.equal(error.code, code, sql);
      assert.match(error.message, message);
      assert.match(error.hint, hint, sql);
      return true;
    });
  }
});

test('an error never holds a value of a row', async () => {
  for (const sql of [
    'SELECT subject::INTEGER FROM tickets',
    "SELECT strptime(subject, '%Y') FROM tickets",
    'SELECT (id * 9223372036854775807)::BIGINT FROM tickets',
    'SELECT json(subject) FROM tickets',
    "SELECT regexp_matches(body, subject || '(') FROM tickets",
    'SELECT subject::DATE FROM tickets',
    'SELECT subject::STRUCT(a INTEGER) FROM tickets',
  ]) {
    await assert.rejects(ask(sql), (error: unknown) => {
      assert.ok(isHakiriError(error), sql);
      assert.equal(error.code, 'query.failed', sql);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /Memory leak|crash on|body of/i, sql);
      return true;
    });
  }
});
