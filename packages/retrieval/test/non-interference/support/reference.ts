import {
  type Column,
  findColumn,
  type Grant,
  type IndexSpec,
  type JsonValue,
  type TableName,
  tagAllows,
} from '@hakiri/core';
import { effect, type Naive, naive } from '../../../../access/test/policy/naive.ts';
import type { Commit, History, Row, TableDef } from './build-store.ts';
import { DECLARED, PSEUDONYMS, type Scene } from './scene.ts';

/** A store that never held what somebody is not to see, as a naive reading of the rules has it. */
export interface Reference {
  readonly tables: ReadonlyMap<TableName, ReferenceTable>;
  readonly history: History;
  /** The place in this history at which it is where the other one is at a place of its own. */
  readonly places: readonly number[];
  readonly refusesZone: boolean;
}

export interface ReferenceTable extends TableDef {
  /** `hidden`: rows cannot be told by what is left of the key, so that the table has none here. */
  readonly key: 'clear' | 'renamed' | 'hidden' | 'none';
  readonly minGroup: number | undefined;
  readonly mayRead: boolean;
  readonly maySearch: boolean;
  /** As it is at the end. */
  readonly rows: readonly Row[];
}

type World = Scene['world'];
type Known = Exclude<Naive, 'hidden'>;

/** Undefined where no store can hold just that: a table whose first rows are all kept back, or all of its columns. */
export function referenceOf(scene: Scene): Reference | undefined {
  const tables = new Map<TableName, ReferenceTable>();
  for (const table of scene.tables) {
    const left = tableLeft(scene, table);
    if (left === undefined) continue;
    if (left.schema.columns.length === 0) return undefined;
    tables.set(table.name, left);
  }
  const history: (Commit | 'compact')[] = [];
  const places: number[] = [];
  const raw = new Map<TableName, Map<string, Row>>();
  const there = new Map<TableName, Set<string>>();
  const last = lastVersions(scene);
  for (const [place, step] of scene.history.entries()) {
    if (step === 'compact') history.push(step);
    else {
      const table = scene.tables.find(({ name }) => name === step.table)!;
      const left = tables.get(step.table);
      const isFirst = !raw.has(step.table);
      const state = raw.get(step.table) ?? new Map<string, Row>();
      raw.set(step.table, state);
      const known = there.get(step.table) ?? new Set<string>();
      there.set(step.table, known);
      if (left !== undefined) {
        const made = commitsOf(scene, table, left, step, { known, isFirst, isLast: last(place) });
        if (made === undefined) return undefined;
        history.push(...made);
      }
    }
    places.push(history.length - 1);
  }
  return { tables, history, places, refusesZone: refusesZone(scene.grant) };
}

function refusesZone({ zone, restrictions }: Grant): boolean {
  return restrictions.some(({ zones }) => zones && !(zone !== undefined && tagAllows(zones, zone)));
}

/** What of one commit is seen, in the same order, and what by it is seen no more. */
function commitsOf(
  scene: Scene,
  table: TableDef,
  left: ReferenceTable,
  step: Commit,
  { known, isFirst, isLast }: { known: Set<string>; isFirst: boolean; isLast: (row: Row) => boolean },
): readonly Commit[] | undefined {
  const seen = step.rows.map((row) => ({ row, left: leftOf(scene, table, [row]).rows[0] }));
  if (left.key === 'none' || left.key === 'hidden') {
    // Nothing can be taken away here: only what stays is ever there.
    const rows = seen.flatMap((one) =>
      one.left && (left.key === 'none' || isLast(one.row)) ? [one.left] : [],
    );
    if (rows.length > 0)
      return [{ ...step, isSmall: step.isSmall && left.key === 'none', rows, deleted: [] }];
    return isFirst ? undefined : [];
  }
  const rows = seen.flatMap((one) => (one.left ? [one.left] : []));
  const gone = [...seen.flatMap((one) => (one.left ? [] : [one.row])), ...step.deleted];
  const isClock = left.incremental !== undefined;
  const deleted = gone
    .map(
      (row): Row => ({
        id: keyLeft(scene, table, row),
        ...(isClock ? { [left.incremental!]: row[left.incremental!] ?? null } : {}),
      }),
    )
    .filter(({ id }) => known.has(JSON.stringify(id)));
  for (const { id } of deleted) known.delete(JSON.stringify(id));
  for (const { id } of rows) known.add(JSON.stringify(id ?? null));
  // A tombstone of small writes has no clock, and would come last.
  const isSmall = step.isSmall && !(isClock && deleted.length > 0);
  const made = rows.length + deleted.length > 0 ? [{ ...step, isSmall, rows, deleted }] : [];
  return isFirst && made.length === 0 ? nobody(step, left) : made;
}

/** A table is there before it has rows. */
function nobody(step: Commit, { schema, incremental }: ReferenceTable): readonly Commit[] {
  const id = findColumn(schema, 'id')?.type.kind === 'string' ? 'nobody' : -1;
  const clock = (at: string): Row => (incremental === undefined ? {} : { [incremental]: at });
  const none: Row = Object.fromEntries(schema.columns.map(({ name }) => [name, null]));
  return [
    { ...step, rows: [{ ...none, id, ...clock('2025-01-01T00:00:00Z') }], deleted: [] },
    { ...step, rows: [], deleted: [{ id, ...clock('2025-01-02T00:00:00Z') }] },
  ];
}

/** Which rows of a commit are there at the end. */
function lastVersions({ history }: Scene): (place: number) => (row: Row) => boolean {
  const at = new Map<string, number>();
  for (const [place, step] of history.entries()) {
    if (step === 'compact') continue;
    for (const { id } of [...step.rows, ...step.deleted]) at.set(JSON.stringify([step.table, id]), place);
  }
  return (place) => (row) => {
    const step = history[place];
    return step !== undefined && step !== 'compact' && at.get(JSON.stringify([step.table, row.id])) === place;
  };
}

function leftOf(
  { world, grant }: Pick<Scene, 'world' | 'grant'>,
  table: TableDef,
  rows: readonly Row[],
): Known {
  const left = naive(world, table.name, table.schema, rows, grant, PSEUDONYMS);
  if (left === 'hidden') throw new Error(`${table.name} is hidden`);
  return left;
}

/** Of a row that need not be seen itself. */
function keyLeft({ world, grant }: Scene, table: TableDef, row: Row): JsonValue {
  const open: World = Object.fromEntries(
    Object.entries(world).map(([name, facts]) => [
      name,
      { ...facts, policies: facts.policies.map((policy) => ({ ...policy, rows: undefined })) },
    ]),
  );
  const restrictions = grant.restrictions.map((block) => ({ ...block, rows: [] }));
  const full = { ...Object.fromEntries(table.schema.columns.map(({ name }) => [name, null])), ...row };
  return leftOf({ world: open, grant: { ...grant, restrictions } }, table, [full]).rows[0]?.id ?? null;
}

function tableLeft(scene: Scene, table: TableDef): ReferenceTable | undefined {
  const { world, grant } = scene;
  const left = naive(world, table.name, table.schema, finalRows(scene, table), grant, PSEUDONYMS);
  if (left === 'hidden') return undefined;
  const done = (name: string): string =>
    effect(world, table.name, findColumn(table.schema, name)!, name, grant);
  const key = keyKind(table, done);
  const may = (action: string): boolean =>
    grant.rights.some((right) => ['*', table.name].includes(right.table) && right.action === action);
  const keeps = (name: string): boolean => done(name) === 'clear';
  return {
    ...table,
    ...(key === 'hidden' ? { mode: 'append', primaryKey: [], incremental: undefined } : {}),
    ...(table.incremental !== undefined && !keeps(table.incremental) ? { incremental: undefined } : {}),
    schema: { columns: left.columns },
    specs: (DECLARED[table.name] ?? []).flatMap((spec) => specLeft(spec, table.schema.columns, done)),
    key,
    minGroup: left.minGroup,
    mayRead: may('read'),
    maySearch: may('search'),
    rows: left.rows,
  };
}

function keyKind({ primaryKey }: TableDef, done: (name: string) => string): ReferenceTable['key'] {
  const [name] = primaryKey;
  if (name === undefined) return 'none';
  const how = done(name);
  if (how === 'clear') return how;
  return how === 'hash' || how === 'tokenize' ? 'renamed' : 'hidden';
}

/** Words are matched where they are served, as they are served; what stands in a vector cannot be taken apart. */
function specLeft(
  spec: IndexSpec,
  all: readonly Column[],
  done: (name: string) => string,
): readonly IndexSpec[] {
  const columns = spec.columns.filter(
    (name) => all.some((column) => column.name === name) && ['clear', 'scrub'].includes(done(name)),
  );
  if (columns.length === spec.columns.length) return [spec];
  return spec.kind === 'vector' || columns.length === 0 ? [] : [{ ...spec, columns }];
}

function finalRows({ history }: Scene, { name, primaryKey }: TableDef): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const [place, step] of history.entries()) {
    if (step === 'compact' || step.table !== name) continue;
    for (const { id } of [...step.rows, ...step.deleted])
      if (primaryKey.length > 0) rows.delete(JSON.stringify(id));
    for (const [i, row] of step.rows.entries()) {
      rows.set(primaryKey.length > 0 ? JSON.stringify(row.id) : `${place} ${i}`, row);
    }
  }
  return [...rows.values()];
}
