import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JsonValue, quoteIdentifier, type RunId, tableParts, typeName } from '@hakiri/core';
import { writeArchive } from '../../src/export/write-archive.ts';
import { nodeFiles, type Store } from '../../src/index.ts';
import { carriedFiles } from '../../src/recovery/adopt.ts';
import { openRowSidecars } from '../../src/rows/index.ts';
import { viewSelect, viewStatement } from '../../src/view/view-sql.ts';
import { readThroughView } from '../support/foreign-readers.ts';
import { shown } from './shape.ts';
import { alive, compareVersions, merge, newest, type TableModel, type Version } from './table-model.ts';
import { type Mark, TABLE, type World } from './world.ts';

/** The model takes note of what snapshots there are, and they are held against it. */
export async function followSnapshot(world: World, store: Store): Promise<void> {
  const table = await store.catalog.table(TABLE);
  const manifest = table?.snapshot?.manifest;
  if (manifest === undefined || manifest.snapshot === world.snapshot) return;
  world.snapshot = manifest.snapshot;
  const kept = merge(world.model, manifest.covers, Date.parse(manifest.horizon));
  // Of a forgotten subject deletes go, too, where its rows are known.
  if (world.model.maybe.length > 0 || world.model.erasedSubjects.size > 0) return;
  assert.equal(manifest.rows, kept.length, 'rows of the snapshot');
  assert.equal(
    manifest.tombstones,
    kept.filter(({ values }) => values === undefined).length,
    'tombstones of the snapshot',
  );
}

interface Expected {
  readonly run: string;
  readonly values: Readonly<Record<string, JsonValue>>;
}

type State = ReadonlyMap<string, Expected>;

function stateOf(model: TableModel, versions: readonly Version[]): Map<string, Expected> {
  return new Map(
    alive(model.rules, versions).map((version) => [
      nameOf(model, version),
      {
        run: version.run,
        values: Object.fromEntries(
          [...model.columns].map(([name, type]) => [name, shown(version.values?.[name], type)]),
        ),
      },
    ]),
  );
}

function nameOf({ rules }: TableModel, { key, run, seq }: Pick<Version, 'key' | 'run' | 'seq'>): string {
  return rules.primaryKey.length === 0 ? `${run} ${seq}` : key;
}

/** What the table should hold now. */
export const expectedNow = (model: TableModel): Map<string, Expected> => stateOf(model, model.versions);

/** A row of the view by what names it. */
function observed(
  model: TableModel,
  names: readonly string[],
  rows: readonly (readonly JsonValue[])[],
): State {
  const state = new Map<string, Expected>();
  for (const [run, seq, ...cells] of rows) {
    const values = Object.fromEntries(names.map((name, i) => [name, cells[i] ?? null]));
    const key = JSON.stringify(model.rules.primaryKey.map((name) => values[name]));
    const name = nameOf(model, { key, run: run as RunId, seq: Number(seq) });
    assert.ok(!state.has(name), `two rows of ${name}`);
    state.set(name, { run: String(run), values });
  }
  return state;
}

function assertSame(found: State, wanted: State, isUnsure: (name: string) => boolean = () => false): void {
  for (const [name, row] of found) {
    if (!isUnsure(name)) assert.deepEqual(row, wanted.get(name), `row ${name}`);
  }
  for (const [name, row] of wanted) {
    if (!found.has(name) && !isUnsure(name)) assert.fail(`row ${name} is missing: ${JSON.stringify(row)}`);
  }
}

/** A delete past its time may still hold in a partition that nobody has rewritten. */
function settleMaybe(model: TableModel, found: State): void {
  for (const tombstone of [...model.maybe]) {
    const mine = newest(
      model.rules,
      model.versions.filter(({ key }) => key === tombstone.key),
    )[0];
    if (mine?.values === undefined || compareVersions(mine, tombstone) > 0) continue;
    if (found.has(mine.key)) model.maybe = model.maybe.filter((other) => other !== tombstone);
    else {
      model.versions.push(tombstone);
      model.maybe = model.maybe.filter((other) => other !== tombstone);
    }
  }
}

/** The view, through one query. */
export async function checkView(world: World, store: Store): Promise<void> {
  const { model, engine } = world;
  const table = await store.catalog.table(TABLE);
  if (table === undefined) {
    assert.equal(expectedNow(model).size, 0, 'there is no table');
    return;
  }
  const types = Object.fromEntries(table.schema.columns.map(({ name, type }) => [name, typeName(type)]));
  assert.deepEqual(
    types,
    Object.fromEntries([...model.columns].map(([name, type]) => [name, typeName(type)])),
    'the columns',
  );
  const names = table.schema.columns.map(({ name }) => name);
  const rows = await engine.select(selectOf(table, store.paths.absolute, names));
  const found = observed(model, names, rows);
  settleMaybe(model, found);
  assertSame(found, expectedNow(model));
}

function selectOf(
  table: Parameters<typeof viewSelect>[0],
  path: (relative: string) => string,
  names: readonly string[],
): string {
  const view = viewSelect(table, { path, provenance: true });
  return `SELECT "_hakiri_run", "_hakiri_seq", ${names.map(quoteIdentifier).join(', ')} FROM (${view})`;
}

let strangers: Promise<unknown> = Promise.resolve();

/** `views/<table>.sql` as somebody without Hakiri runs it. */
export async function checkAsStranger(world: World, store: Store): Promise<void> {
  if ((await store.catalog.table(TABLE)) !== undefined)
    await assertStrangerAgrees(world, store.paths.context);
}

async function assertStrangerAgrees({ model }: World, folder: string): Promise<void> {
  // Paths in a view are relative to the folder that a process is in: one at a time.
  const turn = strangers.then(() => readThroughView(folder, TABLE));
  strangers = turn.catch(() => {});
  const wanted = [...expectedNow(model).values()].map(({ run, values }) => `${run} ${values.val}`);
  assert.deepEqual((await turn).map((row) => `${row._hakiri_run} ${row.val}`).sort(), wanted.sort());
}

/** The table's rows as a file. */
export async function checkExport(world: World, store: Store): Promise<void> {
  const { model, engine } = world;
  const table = await store.catalog.table(TABLE);
  if (table === undefined) return;
  const names = table.schema.columns.map(({ name }) => name);
  const own = ['_hakiri_run', '_hakiri_seq', ...names].map(quoteIdentifier).join(', ');
  const path = store.paths.absolute;
  const views = [viewStatement(table, { path, provenance: true })];
  const allowedPaths = [...tableParts(table), ...table.deltas].map((file) => path(file.path));
  const output = join(world.folder, 'export.ndjson');
  const sql = `SELECT ${own} FROM ${TABLE}`;
  await engine.export({ sql, views, allowedPaths, format: 'ndjson', output }, { timeoutMs: 60_000 });
  const rows = readFileSync(output, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, JsonValue>);
  const cells = rows.map((row) => ['_hakiri_run', '_hakiri_seq', ...names].map((name) => row[name] ?? null));
  assertSame(observed(model, names, cells), expectedNow(model));
}

/** The table as a tar, unpacked and read by somebody without Hakiri. */
export async function checkArchive(world: World, store: Store): Promise<void> {
  const table = await store.catalog.table(TABLE);
  if (table === undefined) return;
  const folder = join(world.folder, 'unpacked');
  const tar = join(world.folder, 'store.tar');
  mkdirSync(folder);
  writeFileSync(tar, '');
  await writeArchive(store, {
    files: nodeFiles,
    tables: [table],
    write: async (bytes) => appendFileSync(tar, bytes),
  });
  execFileSync('tar', ['-xf', tar, '-C', folder]);
  await assertStrangerAgrees(world, folder);
}

/** Every key there is or was, by the row sidecar. */
export async function checkRows(world: World, store: Store): Promise<void> {
  const { model, engine } = world;
  if (model.rules.primaryKey.length === 0 || (await store.catalog.table(TABLE)) === undefined) return;
  const sidecars = openRowSidecars({ paths: store.paths, engine, catalog: store.catalog });
  try {
    const keys = new Map(model.all.map((version) => [version.key, version.keyValues]));
    const rows = await sidecars.get(TABLE, [...keys.values()]);
    const found = new Map(
      [...keys.keys()].flatMap((key, i) => {
        const row = rows[i];
        return row === undefined ? [] : [[key, { run: row.run as string, values: row.values }] as const];
      }),
    );
    assertSame(found, expectedNow(model));
  } finally {
    await sidecars.close();
  }
}

/** The table as it was at an earlier moment: as it was then, or an error that it is gone. */
export async function checkPast(world: World, store: Store, mark: Mark): Promise<'gone' | 'right'> {
  const { model, engine, shape, clock } = world;
  const asOf = mark.run === undefined ? { time: new Date(mark.atMs).toISOString() } : { run: mark.run };
  const kept = clock.nowMs - Math.max(shape.retentionMs, 2 * 3_600_000) + 1000;
  let table: Awaited<ReturnType<typeof store.catalog.tableAsOf>>;
  try {
    table = await store.catalog.tableAsOf(TABLE, asOf);
  } catch (error) {
    assert.equal((error as { code: string }).code, 'query.as_of_gone');
    assert.ok(world.isTimeOdd || mark.atMs < kept, `${JSON.stringify(asOf)} is within the retention`);
    return 'gone';
  }
  const versions = model.all.filter(({ atMs, born }) =>
    mark.run === undefined ? atMs <= mark.atMs : born <= mark.born,
  );
  const wanted = stateOf(model, versions);
  if (table === undefined) {
    assert.equal(wanted.size, 0, `there was no table as of ${JSON.stringify(asOf)}`);
    return 'right';
  }
  const names = table.schema.columns.map(({ name }) => name);
  const found = observed(model, names, await engine.select(selectOf(table, store.paths.absolute, names)));
  const unsure = (name: string): boolean => model.unsure.has(name);
  // The table may have had fewer columns, and narrower ones, then.
  const only = new Map(
    [...wanted].map(([name, { run, values }]) => {
      const held = Object.fromEntries(
        names.map((column) => [column, found.get(name)?.values[column] ?? null]),
      );
      const same = names.every((column) => isWithin(held[column] ?? null, values[column] ?? null));
      return [name, { run, values: same ? held : values }];
    }),
  );
  try {
    assertSame(found, only, unsure);
  } catch (error) {
    throw new Error(`as of ${JSON.stringify(asOf)}`, { cause: error });
  }
  return 'right';
}

/** Equal, but for fields that came to an object later. */
function isWithin(held: JsonValue, values: JsonValue): boolean {
  if (
    held !== null &&
    values !== null &&
    typeof held === 'object' &&
    typeof values === 'object' &&
    !Array.isArray(held)
  ) {
    return Object.entries(held).every(([name, value]) =>
      isWithin(value, (values as Record<string, JsonValue>)[name] ?? null),
    );
  }
  return JSON.stringify(held) === JSON.stringify(values);
}

/** No file that belongs to nobody, once a process has opened the store and mended what a crash left. */
export async function checkFiles(world: World, store: Store): Promise<void> {
  const { paths, catalog } = store;
  const data = join(paths.tables, TABLE, 'data');
  const runs = await catalog.runIds();
  for (const run of listed(join(data, 'runs'))) {
    if (!listed(join(data, 'runs', run), true).some((name) => name.includes('.'))) continue;
    assert.ok(runs.has(run as RunId) || world.refused.has(run as RunId), `run ${run} belongs to nobody`);
  }
  const carried = await carriedFiles(catalog, paths, TABLE);
  const snapshots = await catalog.snapshotIds();
  for (const folder of listed(data).filter((name) => name.startsWith('snapshot='))) {
    for (const file of listed(join(data, folder), true)) {
      const path = join(data, folder, file);
      const isManifest =
        file === '_manifest.json' && [...snapshots].some((id) => folder === `snapshot=${id}`);
      assert.ok(
        isManifest || carried.has(path) || !/\.(parquet|json|ndjson|tmp)$/.test(file),
        `${path} belongs to nobody`,
      );
    }
  }
}

function listed(folder: string, recursive = false): string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive }).map(String) : [];
}
