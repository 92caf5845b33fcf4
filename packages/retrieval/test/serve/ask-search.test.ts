import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '@hakiri/engine';
import type { IndexedTable } from '../../src/indexes/indexed-table.ts';
import type { SearchAnswer, SearchCall, SearchRequest } from '../../src/search/request.ts';
import { askSearch } from '../../src/serve/ask-search.ts';

const ANSWER: SearchAnswer = { hits: [], behind: {}, plan: undefined };

/** A child that remembers what it was sent, until it is started anew. */
function reader() {
  const calls: ('table' | 'id')[] = [];
  let known = new Set<number | undefined>();
  const read = async (_job: string, call: unknown): Promise<unknown> => {
    const { table, tableId } = call as SearchCall;
    calls.push(table === undefined ? 'id' : 'table');
    if (table !== undefined) known.add(tableId);
    return known.has(tableId) ? ANSWER : null;
  };
  return { calls, restart: () => (known = new Set()), engine: { read } as Pick<Engine, 'read'> };
}

test('a table is sent once to each child, and named from then on', async () => {
  const { calls, restart, engine } = reader();
  const request = { table: {} as IndexedTable } as SearchRequest;
  const ask = () => askSearch(engine, request, () => ({ timeoutMs: 1000 }));
  for (let i = 0; i < 3; i++) assert.equal(await ask(), ANSWER);
  assert.deepEqual(calls.splice(0), ['table', 'id', 'id']);
  restart();
  assert.equal(await ask(), ANSWER);
  assert.equal(await ask(), ANSWER);
  assert.deepEqual(calls.splice(0), ['id', 'table', 'id']);
  const other = { ...request, table: {} as IndexedTable };
  await askSearch(engine, other, () => ({ timeoutMs: 1000 }));
  assert.deepEqual(calls, ['table']);
});
