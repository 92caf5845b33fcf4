import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  findColumn,
  type JsonValue,
  type RunId,
  sameType,
  type TableSchema,
  typeName,
  ulidTimeMs,
  widen,
} from '@hakiri/core';
import type { Random } from '../../../../test/support/random.ts';
import {
  collectStore,
  compactStore,
  type ForgetRequest,
  forget as forgetForGood,
  rebuildCatalog,
  type SmallRow,
  type SmallWriter,
  tidyStore,
  type WritableStore,
} from '../../src/index.ts';
import { FAULTS, type Fault } from '../support/fault-files.ts';
import { schema, spool } from '../support/test-store.ts';
import { followSnapshot } from './check.ts';
import {
  type Columns,
  DAY_MS,
  grow,
  HOUR_MS,
  logicalType,
  makeDelete,
  makeRow,
  orderValueOf,
  type Row,
} from './shape.ts';
import {
  alive,
  cloneModel,
  compareValues,
  forget,
  isErased,
  type OrderValue,
  type TableModel,
  take,
  type Version,
} from './table-model.ts';
import {
  LOCK,
  type Machine,
  makeMachine,
  opened,
  options,
  PROJECT,
  shut,
  smallWriter,
  TABLE,
  THERE,
  targetOf,
  underFault,
  type World,
} from './world.ts';

/** One thing that happens to a store; what it says goes into the log of the seed. */
export interface Action {
  readonly name: string;
  readonly weight: number;
  readonly when?: (world: World) => boolean;
  run(world: World): Promise<string>;
}

export const ACTIONS: readonly Action[] = [
  { name: 'run', weight: 30, run: (world) => runAction(world) },
  { name: 'small writes', weight: 16, run: smallAction },
  { name: 'fold', weight: 4, run: foldAction },
  { name: 'compact', weight: 10, run: compactAction },
  { name: 'compact when due', weight: 2, run: compactDueAction },
  { name: 'gc', weight: 6, run: collectAction },
  { name: 'reopen', weight: 4, run: reopenAction },
  { name: 'rebuild', weight: 2, when: hasTable, run: rebuildAction },
  { name: 'time', weight: 5, run: timeAction },
  { name: 'go offline', weight: 3, when: hasTable, run: offlineAction },
  { name: 'run elsewhere', weight: 5, when: ({ other }) => other !== undefined, run: elsewhereAction },
  { name: 'come back', weight: 7, when: ({ elsewhere }) => elsewhere.length > 0, run: adoptAction },
  { name: 'forget', weight: 2, when: mayForget, run: forgetAction },
  { name: 'fault', weight: 10, run: faultAction },
];

function hasTable({ model }: World): boolean {
  return model.born > 0;
}

// Runs

interface RunPlan {
  readonly commits: readonly (readonly Spool[])[];
  readonly whole: boolean;
}

interface Spool {
  readonly columns: Columns;
  readonly rows: readonly Row[];
}

function planRun(machine: Machine): RunPlan {
  const { random, shape } = machine;
  if (random.chance(0.15)) machine.columns = grow(machine.columns, shape, random);
  const commits = random.many(random.chance(0.25) ? 2 : 1, () =>
    random.many(random.chance(0.2) ? 2 : 1, () => makeSpool(machine)),
  );
  return { commits, whole: shape.mode === 'replace' && random.chance(0.6) };
}

function makeSpool(machine: Machine): Spool {
  const { random, shape } = machine;
  const columns = someColumns(machine);
  const rows = random.many(1 + random.below(random.chance(0.2) ? 12 : 4), (): Row => {
    if (shape.primaryKey.length > 0 && random.chance(0.15)) {
      return makeDelete(shape, columns, random, machine.clock.nowMs);
    }
    return makeRow(shape, columns, random, token(machine), machine.clock.nowMs);
  });
  const marked = rows.some((row) => '_hakiri_deleted' in row);
  return {
    columns,
    rows: rows.map((row) =>
      marked && random.chance(0.5) && !('_hakiri_deleted' in row) ? { ...row, _hakiri_deleted: false } : row,
    ),
  };
}

const token = (machine: Machine): string => `t${machine.tokens++}x`;

/** A source does not always send every column, nor numbers as wide as there are. */
function someColumns({ columns, random, shape }: Machine): Columns {
  const needed = new Set([...shape.primaryKey, 'id', 'who', 'val']);
  const types = [...columns.types].filter(([name]) => needed.has(name) || random.chance(0.85));
  return {
    types: new Map(types.map(([name, type]) => [name, name === 'id' && random.chance(0.2) ? 'int16' : type])),
  };
}

interface Attempt {
  readonly versions: readonly Version[];
  readonly columns: readonly Columns[];
  /** Undefined where it was cut off before that. */
  run: RunId | undefined;
  acknowledged: boolean;
}

/** Pulls rows through the writer of a store, and says what would be there of each commit. */
async function pull(machine: Machine, store: WritableStore, plan: RunPlan): Promise<readonly Attempt[]> {
  const { clock, issued, model } = machine;
  const attempts: Attempt[] = [];
  // What this pull has shown so far, for tables that lose what a whole pull did not show.
  const then = cloneModel(model);
  try {
    const writer = await store.openTable(targetOf(machine));
    for (const [i, spools] of plan.commits.entries()) {
      const before = issued.length;
      for (const { columns, rows } of spools) {
        await writer.writePart(spool(machine.root, schemaOfSpool(columns, rows), rows));
      }
      const last = i === plan.commits.length - 1;
      const run = issued[before];
      assert.ok(run);
      const pulled = attempts.flatMap(({ versions }) => versions);
      const versions = order(
        machine,
        then,
        run,
        spools.flatMap(({ rows }) => rows),
      );
      const whole = last && plan.whole;
      const others = whole
        ? deletesOfOthers(machine, then, run, [...pulled, ...versions], versions.length)
        : [];
      const attempt: Attempt = {
        versions: [...versions, ...others],
        columns: spools.map(({ columns, rows }) => ({ types: withoutEmpty(columns, rows) })),
        run,
        acknowledged: false,
      };
      attempts.push(attempt);
      await writer.commit(`${clock.nowMs}/${i}`, whole);
      attempt.acknowledged = true;
      take(then, attempt.versions);
    }
  } catch (error) {
    if (attempts.length === 0 && issued.length === 0) throw error;
    throw new Interrupted(attempts, error);
  }
  return attempts;
}

class Interrupted extends Error {
  readonly attempts: readonly Attempt[];
  constructor(attempts: readonly Attempt[], cause: unknown) {
    super('interrupted', { cause });
    this.attempts = attempts;
  }
}

function schemaOfSpool(columns: Columns, rows: readonly Row[]) {
  return schema(Object.fromEntries(withoutEmpty(columns, rows)));
}

/** A column without any value has no type yet. */
function withoutEmpty({ types }: Columns, rows: readonly Row[]): Map<string, string> {
  return new Map(
    [...types].map(([name, type]) => [
      name,
      name === 'empty' && rows.every((row) => (row[name] ?? null) === null) ? 'undecided' : type,
    ]),
  );
}

function order(
  machine: Machine,
  model: TableModel,
  run: RunId,
  rows: readonly Row[],
  firstSeq = 0,
): Version[] {
  let greatest = model.greatest;
  return rows.map((row, i) => {
    const value = valueIn(machine, run, row, greatest);
    if (compareValues(value, greatest) > 0) greatest = value;
    return version(machine, run, row, value, firstSeq + i);
  });
}

function valueIn({ shape }: Machine, run: RunId, row: Row, greatest: OrderValue): OrderValue {
  return shape.incremental === undefined ? BigInt(ulidTimeMs(run)) : (orderValueOf(shape, row) ?? greatest);
}

function version(machine: Machine, run: RunId, row: Row, value: OrderValue, seq: number): Version {
  const { shape, clock } = machine;
  const keyValues = shape.primaryKey.map((name) => row[name] ?? null);
  return {
    key: JSON.stringify(keyValues),
    keyValues,
    subject: typeof row.who === 'string' ? row.who : null,
    values: row._hakiri_deleted === true ? undefined : row,
    value,
    run,
    seq,
    atMs: clock.nowMs,
    born: 0,
  };
}

/** What was alive, and came with none of these. */
function deletesOfOthers(
  machine: Machine,
  model: TableModel,
  run: RunId,
  shownNow: readonly Version[],
  firstSeq: number,
): Version[] {
  const runs = new Set(shownNow.map((shown) => shown.run));
  return alive(model.rules, [...model.versions, ...shownNow])
    .filter((candidate) => !runs.has(candidate.run))
    .map((other, i) => ({
      ...other,
      subject: null,
      values: undefined,
      value: BigInt(ulidTimeMs(run)),
      run,
      seq: firstSeq + i,
      atMs: machine.clock.nowMs,
    }));
}

/** Columns come with a run that is committed, and get as wide as the widest. */
export function takeColumns(model: TableModel, columns: readonly Columns[]): void {
  for (const { types } of columns) {
    for (const [name, type] of types) {
      const have = model.columns.get(name);
      const next = have === undefined ? logicalType(type) : widen(have, logicalType(type));
      assert.ok(next, `${name} cannot become ${type}`);
      model.columns.set(name, next);
    }
  }
}

function takeAttempt(machine: Machine, attempt: Attempt): void {
  takeColumns(machine.model, attempt.columns);
  take(machine.model, attempt.versions);
}

async function runAction(world: World): Promise<string> {
  const plan = planRun(world);
  note(world, describe(plan));
  await closeWriter(world);
  const store = await opened(world);
  for (const attempt of await pull(world, store, plan)) {
    takeAttempt(world, attempt);
    world.marks.push({ atMs: world.clock.nowMs, run: attempt.run, born: world.model.born - 1 });
  }
  return '';
}

/** Before it is done: whoever reads the log of a seed that failed wants to know. */
function note({ log }: World, text: string): void {
  log[log.length - 1] += `: ${text}`;
}

function describe({ commits, whole }: RunPlan): string {
  const text = commits
    .map((spools) => spools.map(({ rows }) => JSON.stringify(rows)).join(' + '))
    .join(' ; ');
  return `${whole ? 'whole ' : ''}${text}`;
}

// Small writes

async function smallAction(world: World): Promise<string> {
  const { random } = world;
  if (random.chance(0.1)) {
    world.columns = grow(world.columns, world.shape, random);
    await closeWriter(world);
  }
  const writer = await smallWriter(world);
  const writes = random.many(1 + random.below(3), () => planWrite(world));
  note(world, JSON.stringify(writes));
  const done = await Promise.all(
    writes.map(async (rows) => {
      const place = writer.write(rows.map(smallRow(world)));
      if (!hasErased(world, rows)) return { rows, place: await place };
      await assert.rejects(place, { code: 'record.erased' });
      return { rows, place: undefined };
    }),
  );
  for (const { rows, place } of done) if (place) takeSmall(world, rows, place.run, place.firstSeq);
  if (done.every(({ place }) => place === undefined)) return 'refused';
  takeColumns(world.model, [declared(world)]);
  return '';
}

const hasErased = (machine: Machine, rows: readonly Row[]): boolean =>
  order(machine, machine.model, NO_RUN, rows).some((version) => isErased(machine.model, version));

const NO_RUN = '00000000000000000000000000' as RunId;

const declared = ({ columns }: Machine): Columns => ({
  types: new Map([...columns.types].filter(([, type]) => type !== 'undecided')),
});

function planWrite(machine: Machine): readonly Row[] {
  const { shape, random, clock } = machine;
  const columns = declared(machine);
  return random.many(1 + random.below(2), () =>
    shape.primaryKey.length > 0 && random.chance(0.2)
      ? { ...makeDelete({ ...shape, incremental: undefined }, columns, random, clock.nowMs) }
      : makeRow(shape, columns, random, token(machine), clock.nowMs),
  );
}

function smallRow({ shape }: Machine): (row: Row) => SmallRow {
  return (row) =>
    row._hakiri_deleted === true
      ? { delete: Object.fromEntries(shape.primaryKey.map((name) => [name, row[name] ?? null])) }
      : { values: row };
}

function takeSmall(machine: Machine, rows: readonly Row[], run: RunId, firstSeq: number): void {
  const { model } = machine;
  // Within a file of small writes time does not go back.
  const latestMs = model.all.reduce(
    (ms, other) => (other.run === run ? Math.max(ms, other.atMs) : ms),
    machine.issuedMs.get(run) ?? 0,
  );
  const versions = order(machine, model, run, rows, firstSeq);
  take(
    model,
    versions.map((version) => ({ ...version, atMs: Math.max(version.atMs, latestMs) })),
  );
}

async function foldAction(world: World): Promise<string> {
  const writer = await smallWriter(world);
  await writer.fold();
  return '';
}

async function closeWriter(machine: Machine): Promise<void> {
  const { writer } = machine;
  machine.writer = undefined;
  await writer?.close();
}

// Maintenance

async function compactAction(world: World): Promise<string> {
  if (world.random.chance(0.5)) await shut(world);
  if (!hasTable(world)) return 'nothing there';
  const done = await compactStore(options(world), LOCK, {});
  return done
    .map(
      ({ runs, rows, rewritten, partitions }) =>
        `${runs} runs, ${rows} rows, ${rewritten} of ${partitions} partitions`,
    )
    .join();
}

async function compactDueAction(world: World): Promise<string> {
  if (world.random.chance(0.5)) await shut(world);
  if (!hasTable(world)) return 'nothing there';
  const done = await tidyStore(options(world), LOCK, {});
  return `${done.length}`;
}

async function collectAction(world: World): Promise<string> {
  if (world.random.chance(0.5)) await shut(world);
  if (!hasTable(world)) return 'nothing there';
  const done = await collectStore(options(world), LOCK, {});
  return done.map(({ runs, snapshots }) => `${runs} runs, ${snapshots} snapshots`).join();
}

async function reopenAction(world: World): Promise<string> {
  await shut(world);
  const { recovery } = await opened(world);
  assertOnlyTooOld(world, recovery.damaged);
  return '';
}

async function rebuildAction(world: World): Promise<string> {
  await shut(world);
  rmSync(join(contextOf(world), 'meta.sqlite'));
  for (const suffix of ['-wal', '-shm'])
    rmSync(join(contextOf(world), `meta.sqlite${suffix}`), { force: true });
  const { damaged } = await rebuildCatalog(options(world), LOCK);
  assert.equal(damaged.length, world.refused.size, damaged.join());
  return '';
}

const contextOf = ({ root }: Machine): string => join(root, 'context', PROJECT);

function assertOnlyTooOld(world: World, damaged: WritableStore['recovery']['damaged']): void {
  for (const { run, error } of damaged) {
    if (error.code !== 'store.run_too_old' || run === undefined || !world.refused.has(run)) throw error;
  }
}

/** Where texts order a table, what is forgotten may have been the greatest of them: then nobody can say what is. */
function mayForget(world: World): boolean {
  return hasTable(world) && world.shape.incremental !== 'name';
}

type What = { readonly key: string; readonly values: readonly JsonValue[] } | { readonly subject: string };

function pickForgotten({ random, model, shape }: World): What {
  const version = model.all.length > 0 ? random.pick(model.all) : undefined;
  if (version === undefined || shape.primaryKey.length === 0 || random.chance(0.4)) {
    return { subject: `user ${random.below(4)}` };
  }
  return { key: version.key, values: version.keyValues };
}

const requestOf = (what: What): ForgetRequest =>
  'key' in what ? { table: TABLE, keys: [what.values] } : { subject: what.subject };

async function forgetAction(world: World): Promise<string> {
  await shut(world);
  const what = pickForgotten(world);
  note(world, JSON.stringify(what));
  const { proof } = await forgetForGood(options(world), LOCK, requestOf(what));
  forget(world.model, what);
  return `${proof.files} files read`;
}

function erasures(world: World): number {
  const folder = join(contextOf(world), 'erasures');
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^[0-9a-f]+\.json$/.test(name)).length : 0;
}

// Time

async function timeAction(world: World): Promise<string> {
  const { random, clock } = world;
  if (random.chance(0.12)) {
    clock.nowMs -= 365 * DAY_MS;
    world.isTimeOdd = true;
    return 'a year back';
  }
  const days = random.pick([0.1, 1, 3, 8, 40]);
  clock.nowMs += days * DAY_MS;
  return `${days} days on`;
}

// Another machine

async function offlineAction(world: World): Promise<string> {
  await shut(world);
  const { random, folder } = world;
  const root = join(folder, 'there', '.hakiri');
  rmSync(join(folder, 'there'), { recursive: true, force: true });
  cpSync(world.root, root, { recursive: true });
  world.elsewhere.length = 0;
  const skewMs = random.pick([0, 0, 0, HOUR_MS, -365 * DAY_MS]);
  const other = makeMachine(
    root,
    THERE,
    { nowMs: world.clock.nowMs + skewMs },
    world.shape,
    world.engine,
    random,
  );
  other.model = cloneModel(world.model);
  other.columns = world.columns;
  // Both make rows, and each its own.
  other.tokens = 1_000_000 + world.tokens * 1000;
  world.other = other;
  return `${skewMs / DAY_MS} days apart`;
}

async function elsewhereAction(world: World): Promise<string> {
  const { other } = world;
  assert.ok(other);
  other.clock.nowMs += 1000 + world.random.below(10) * HOUR_MS;
  const plan = planRun(other);
  note(world, describe(plan));
  for (const attempt of await pull(other, await opened(other), plan)) {
    takeAttempt(other, attempt);
    assert.ok(attempt.run);
    world.elsewhere.push({ run: attempt.run, versions: [...attempt.versions], columns: attempt.columns });
  }
  return '';
}

/** Some of the other machine's runs come over, oldest first or not. */
async function adoptAction(world: World): Promise<string> {
  const { random, elsewhere, other } = world;
  assert.ok(other);
  await shut(world);
  await shut(other);
  const count = 1 + random.below(elsewhere.length);
  const coming = random.chance(0.7) ? elsewhere.splice(0, count) : elsewhere.splice(-count);
  const from = join(contextOf(other), 'tables', TABLE);
  const to = join(contextOf(world), 'tables', TABLE);
  cpSync(join(from, 'schemas'), join(to, 'schemas'), { recursive: true });
  for (const { run } of coming) {
    mkdirSync(join(to, 'data/runs', run), { recursive: true });
    cpSync(join(from, 'data/runs', run), join(to, 'data/runs', run), { recursive: true });
  }
  const horizon = await horizonOf(
    world,
    coming.map(({ run }) => run),
  );
  world.isTimeOdd = true;
  for (const { run, versions, columns } of [...coming].sort((a, b) => (a.run < b.run ? -1 : 1))) {
    if (ulidTimeMs(run) < horizon) world.refused.add(run);
    else {
      takeColumns(world.model, columns);
      take(world.model, versions);
    }
  }
  for (const [name, type] of world.model.columns) world.columns.types.set(name, typeName(type));
  return coming.map(({ run }) => `${run}${world.refused.has(run) ? ' too late' : ''}`).join();
}

/** Time before which a run is too late: what the snapshot said before they came. */
async function horizonOf(world: World, _coming: readonly RunId[]): Promise<number> {
  const store = await opened(world);
  const table = await store.catalog.table(TABLE);
  const horizon = table?.snapshot?.manifest.horizon;
  return horizon === undefined ? Number.NEGATIVE_INFINITY : Date.parse(horizon);
}

// Disks that fail, processes that die

type Struck = (
  world: World,
  process: {
    readonly store: WritableStore;
    readonly writer: () => SmallWriter;
    readonly options: ReturnType<typeof options>;
  },
) => Promise<void>;

async function faultAction(world: World): Promise<string> {
  const { random, model } = world;
  const fault = random.pick<Fault>(FAULTS);
  const at = 1 + random.below(70);
  const kind = hasTable(world)
    ? random.pick([
        'run',
        'run',
        'compact',
        'compact',
        'gc',
        'small writes',
        'small writes',
        'forget',
      ] as const)
    : 'run';
  const what = kind === 'forget' && mayForget(world) ? pickForgotten(world) : undefined;
  const erasuresBefore = erasures(world);
  const plan = planRun(world);
  note(world, `${fault} at ${at} of ${kind}${kind === 'run' ? ` ${describe(plan)}` : ''}`);
  let attempts: readonly Attempt[] = [];
  const writes: { rows: readonly Row[]; place: { run: RunId; firstSeq: number } | undefined }[] = [];
  const work: Record<typeof kind, Struck> = {
    run: async (machine, { store }) => {
      try {
        attempts = await pull(machine, store, plan);
      } catch (error) {
        if (error instanceof Interrupted) attempts = error.attempts;
        throw error;
      }
    },
    compact: async (_, { options: faulty }) => void (await compactStore(faulty, LOCK, {})),
    gc: async (_, { options: faulty }) => void (await collectStore(faulty, LOCK, {})),
    forget: async (_, { store, options: faulty }) => {
      await store.close();
      if (what) await forgetForGood(faulty, LOCK, requestOf(what));
    },
    'small writes': async (machine, { writer }) => {
      for (let i = 0; i < 4; i++) {
        // A row by which the write is found on the disk, if nobody hears that it is there.
        const known = makeRow(
          machine.shape,
          declared(machine),
          machine.random,
          token(machine),
          machine.clock.nowMs,
        );
        const write: (typeof writes)[number] = { rows: [...planWrite(machine), known], place: undefined };
        if (hasErased(machine, write.rows)) continue;
        writes.push(write);
        write.place = await writer().write(write.rows.map(smallRow(machine)));
      }
      await writer().fold();
    },
  };
  const { error, files } = await underFault(world, fault, at, (process) => work[kind](world, process));
  if (error !== undefined && !files.struck) throw error;
  const store = await opened(world);
  assertOnlyTooOld(world, store.recovery.damaged);
  // Once it is written down, whoever comes next finishes it.
  if (what && (error === undefined || erasures(world) > erasuresBefore)) forget(model, what);
  const known = await store.catalog.runIds();
  for (const attempt of attempts) {
    const isThere = attempt.run !== undefined && known.has(attempt.run);
    assert.ok(isThere || !attempt.acknowledged, `run ${attempt.run} was committed, and is gone`);
    if (isThere) takeAttempt(world, attempt);
  }
  if (writes.length > 0) {
    const present = rowsOnDisk(world);
    // The head of a file brings its columns, whether or not a write came behind it.
    const table = await store.catalog.table(TABLE);
    const columns = [...declared(world).types.keys()];
    const isWider = columns.some((name) => table && typeWider(table.schema, name, model));
    if (isWider) takeColumns(model, [declared(world)]);
    for (const { rows, place } of writes) {
      const first = rows.map((row) => present.find(row)).find((found) => found !== undefined);
      if (place === undefined && first === undefined) continue;
      const where = place ?? first;
      assert.ok(where);
      takeSmall(world, rows, where.run, where.firstSeq);
    }
  }
  await followSnapshot(world, store);
  return `${error === undefined ? 'done' : 'failed'} ${JSON.stringify(writes)}`;
}

function typeWider(held: TableSchema, name: string, model: TableModel): boolean {
  const type = findColumn(held, name)?.type;
  const have = model.columns.get(name);
  return type !== undefined && (have === undefined || !sameType(have, type));
}

/** Rows in the files of small writes, by what is written in them and nowhere else. */
function rowsOnDisk(world: World): {
  find(row: Row): { run: RunId; firstSeq: number } | undefined;
} {
  const folder = join(contextOf(world), 'tables', TABLE, 'data/delta');
  const found = new Map<JsonValue, { run: RunId; firstSeq: number }>();
  for (const node of existsSync(folder) ? readdirSync(folder) : []) {
    for (const file of readdirSync(join(folder, node))) {
      if (!file.endsWith('.ndjson')) continue;
      for (const line of readFileSync(join(folder, node, file), 'utf8').split('\n')) {
        let commit: { rows?: { val?: string; _hakiri_run: RunId; _hakiri_seq: number }[] };
        try {
          commit = JSON.parse(line);
        } catch {
          continue;
        }
        const rows = commit.rows ?? [];
        const first = rows[0];
        for (const row of rows) {
          if (row.val !== undefined && first)
            found.set(row.val, { run: first._hakiri_run, firstSeq: first._hakiri_seq });
        }
      }
    }
  }
  return { find: (row) => found.get(row.val ?? null) };
}

export function pickAction(world: World, random: Random): Action {
  const possible = ACTIONS.filter(({ when }) => when === undefined || when(world));
  let at = random.below(possible.reduce((sum, { weight }) => sum + weight, 0));
  for (const action of possible) {
    at -= action.weight;
    if (at < 0) return action;
  }
  throw new Error('no action');
}
