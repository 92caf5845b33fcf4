import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { isHakiriError } from '@hakiri/core';
import { testEngine } from '../support/engine.ts';
import { LEGITIMATE } from './support/legitimate.ts';
import { randomFrom } from './support/random-query.ts';
import { CANARY, gateWorld } from './support/world.ts';

const COUNT = Number(process.env.HAKIRI_FUZZ_COUNT ?? 200);
const SEED = Number(process.env.HAKIRI_FUZZ_SEED ?? 7);

test('a reach for the outside, put anywhere into a legitimate query, gives nothing away', async (t) => {
  const engine = testEngine();
  t.after(() => engine.close());
  const world = await gateWorld(engine, t);
  const { secret, hiddenPart, folder } = world;
  const reaches = [
    `'${secret}'`,
    `"${hiddenPart}"`,
    `(FROM '${secret}')`,
    `(SELECT value FROM '${hiddenPart}')`,
    `read_text('${secret}')`,
    `read_csv('${secret}')`,
    `(SELECT content FROM read_text('${secret}'))`,
    `read_parquet('${hiddenPart}')`,
    `query('FROM ''${secret}''')`,
    `duckdb_settings()`,
    `pg_catalog.pg_views`,
    `; COPY (SELECT 1) TO '${folder}/out.csv'; SELECT`,
    `) TO '${folder}/out.csv' --`,
    `WITH "${hiddenPart}" AS (SELECT 1)`,
    `(WITH x AS (FROM '${secret}') FROM x)`,
    `LATERAL (FROM '${secret}')`,
    `lambda x: (FROM '${secret}')`,
    `AT (VERSION => 1)`,
  ];
  const files = readdirSync(folder).sort();
  const random = randomFrom(SEED);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  let answered = 0;
  for (let i = 0; i < COUNT; i++) {
    const tokens = pick(LEGITIMATE).match(/'[^']*'|[\p{L}_][\p{L}\p{N}_.]*|\d+|\s+|./gu) ?? [];
    const spots = tokens.flatMap((token, at) => (/^\s+$/.test(token) ? [] : [at]));
    for (let cuts = 1 + Math.floor(random() * 2); cuts > 0; cuts--) {
      const at = pick(spots);
      tokens[at] = random() < 0.7 ? pick(reaches) : `${tokens[at]} ${pick(reaches)}`;
    }
    const sql = tokens.join('');
    const what = `seed ${SEED}, query ${i}: ${sql}`;
    const said = await engine
      .query({ ...world.session(sql), maxRows: 1000, maxBytes: 1e6 }, { timeoutMs: 20_000 })
      .then(
        ({ rows }) => {
          answered++;
          return JSON.stringify(rows);
        },
        (error: unknown) => {
          assert.ok(isHakiriError(error) && error.code.startsWith('query.'), `${what}: ${String(error)}`);
          return `${error.message} ${error.hint}`;
        },
      );
    assert.ok(!said.includes(CANARY), what);
    assert.ok(!said.includes('allowed_paths'), what);
  }
  assert.deepEqual(readdirSync(folder).sort(), files);
  t.diagnostic(`${COUNT} queries from seed ${SEED}, ${answered} answered harmlessly`);
});
