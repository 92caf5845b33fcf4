import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { testEngine } from '../../engine/test/support/engine.ts';
import { rowsSource } from './support/rows-source.ts';
import { queryStore, runInProcess } from './support/run-in-process.ts';

const folder = await mkdtemp(join(tmpdir(), 'hakiri-order-'));
const engine = testEngine();
after(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs one after the other, each with its rows, into a store of its own; the texts that win in the end, by id. */
async function winners(
  name: string,
  runs: readonly (readonly Record<string, unknown>[])[],
  incremental?: string,
): Promise<unknown[]> {
  const root = join(folder, name);
  const rows: Record<string, unknown>[] = [];
  for (const batch of runs) {
    rows.push(...batch);
    const source = rowsSource({
      rows: [...rows],
      batchRows: 100,
      readingOrder: 'ascending',
      primaryKey: ['id'],
      ...(incremental === undefined ? {} : { incremental }),
    });
    const { tables } = await runInProcess({ root, engine, source });
    assert.equal(tables[0]?.error, undefined);
  }
  const held = await queryStore({ root, engine }, 'SELECT text FROM rows ORDER BY id');
  return held.map(({ text }) => text);
}

const row = (id: number, version: number | string | null, text: string) => ({ id, version, text });

test('the greatest incremental value wins, however late an older one arrives', async () => {
  const runs = [[row(1, 10, 'new')], [row(1, 9, 'late')], [row(2, 1, 'only')]];
  assert.deepEqual(await winners('late', runs, 'version'), ['new', 'only']);
});

test('among equal values the later row wins, within a run and across runs', async () => {
  assert.deepEqual(await winners('equal', [[row(1, 5, 'a'), row(1, 5, 'b')]], 'version'), ['b']);
  assert.deepEqual(await winners('equal-runs', [[row(1, 5, 'a')], [row(1, 5, 'b')]], 'version'), ['b']);
});

test('a row without a value never outranks one that comes later with one', async () => {
  assert.deepEqual(await winners('null-first', [[row(1, null, 'a')], [row(1, 5, 'b')]], 'version'), ['b']);
  assert.deepEqual(await winners('null-text', [[row(1, null, 'a')], [row(1, 'v5', 'b')]], 'version'), ['b']);
});

test('a row without a value takes the greatest seen up to it, and so wins over what came before', async () => {
  const runs = [[row(1, 5, 'a'), row(2, 9, 'x')], [row(1, null, 'b')], [row(1, 7, 'c')]];
  assert.deepEqual(await winners('null-later', runs, 'version'), ['b', 'x']);
  assert.deepEqual(await winners('null-within', [[row(1, 5, 'a'), row(1, null, 'b')]], 'version'), ['b']);
});

test('without an incremental column the later run wins', async () => {
  assert.deepEqual(await winners('no-column', [[row(1, 9, 'a')], [row(1, 1, 'b')]]), ['b']);
});
