import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { OVER_FUNCTIONS, ROW_FUNCTIONS, TABLE_FUNCTIONS } from '../../src/gate/allowed-functions.ts';

/** Read as functions where no column has their name. */
const WITHOUT_CALL = ['current_time', 'current_timestamp', 'localtime', 'localtimestamp'];

async function functionsOfTheEngine(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    'SELECT DISTINCT lower(function_name), function_type FROM duckdb_functions()',
  );
  const found = new Map<string, Set<string>>();
  for (const [name, type] of reader.getRows())
    found.set(String(name), (found.get(String(name)) ?? new Set()).add(String(type)));
  connection.closeSync();
  instance.closeSync();
  return found;
}

test('every function on the lists is one of the engine, of the kind its list is for', async () => {
  const functions = await functionsOfTheEngine();
  const kinds = (name: string): readonly string[] => [...(functions.get(name) ?? [])];
  for (const name of ROW_FUNCTIONS) {
    const isThere = kinds(name).some((kind) => ['scalar', 'aggregate', 'macro'].includes(kind));
    assert.ok(isThere || WITHOUT_CALL.includes(name) || name === 'unnest', name);
  }
  for (const name of OVER_FUNCTIONS)
    assert.ok(
      kinds(name).some((kind) => ['aggregate', 'macro'].includes(kind)),
      name,
    );
  for (const name of TABLE_FUNCTIONS) assert.ok(kinds(name).includes('table'), name);
});

test('nothing that reaches out of the query is on a list, by any name the engine knows it under', async () => {
  const REACHES =
    /read_|^glob$|scan|^query|^pragma|^duckdb_|^pg_(?!typeof|size_pretty)|setting|variable|^getenv|^nextval|^currval|sql|secret|_log|sleep|txid|^error$|setseed|metadata|sniff|serialize|checkpoint|^__|privilege|^current_(query|setting|schema|database|catalog)|^(combine|finalize|stats|vector_type|version|summary|histogram_values)$/;
  const allowed = [...ROW_FUNCTIONS, ...OVER_FUNCTIONS, ...TABLE_FUNCTIONS];
  assert.deepEqual(
    allowed.filter((name) => REACHES.test(name) && !name.startsWith('__postfix') && name !== '!__postfix'),
    [],
  );
  assert.ok([...TABLE_FUNCTIONS].length < 10);
});
