import {
  COLUMN_ACTIONS,
  compilePredicate,
  type Field,
  type Grant,
  type JsonValue,
  type LogicalType,
  type PiiType,
  type PolicySpec,
  parsePredicate,
  type TableSchema,
  tagAllows,
  type ZoneTag,
} from '@hakiri/core';
import { maskText } from '../../src/actions/mask.ts';
import { hashText, type Pseudonyms, scrubText, tokenizeText } from '../../src/index.ts';

/*
 * docs/policies.md, "What holds", a second time: over plain rows, a value at a time, without a thought for speed, and
 * without a line of what it is compared with. Only what is done to one text is the same; that is tested by itself.
 */

export interface NaiveFacts {
  readonly policies: readonly PolicySpec[];
  readonly tableTags: readonly ZoneTag[];
  /** By path. */
  readonly columns: Readonly<
    Record<
      string,
      { readonly pii?: PiiType; readonly tags?: readonly ZoneTag[]; readonly contains?: readonly string[] }
    >
  >;
}

export type Naive =
  | 'hidden'
  | {
      readonly columns: readonly Field[];
      readonly rows: readonly Row[];
      readonly minGroup: number | undefined;
    };
type Row = Readonly<Record<string, JsonValue>>;
type World = Readonly<Record<string, NaiveFacts>>;

export function naive(
  world: World,
  table: string,
  schema: TableSchema,
  rows: readonly Row[],
  grant: Grant,
  keys: Pseudonyms,
): Naive {
  if (isHidden(world, table, grant)) return 'hidden';
  const columns = schema.columns.flatMap((column) => seeType(world, table, column, column.name, grant) ?? []);
  const seen = rows
    .filter((row) => isSeen(world, table, schema, row, grant, keys))
    .map((row) => seeRow(world, table, schema, row, grant, keys));
  return { columns, rows: seen, minGroup: minGroup(world, table, grant) };
}

const blocks = (grant: Grant, count: number): Grant => ({
  ...grant,
  restrictions: grant.restrictions.slice(0, count),
});
const low = (text: string): string => text.toLowerCase();
const inside = (path: string, outer: string): boolean =>
  low(path) === low(outer) || low(path).startsWith(`${low(outer)}.`);
const excludes = (tags: readonly ZoneTag[], zone: string | undefined): boolean =>
  tags.some((tag) => zone === undefined || !tagAllows(tag, zone));
const about = <T extends { readonly table: string }>(list: readonly T[], table: string): readonly T[] =>
  list.filter((each) => each.table === '*' || low(each.table) === low(table));
const may = (grant: Grant, table: string, ...actions: string[]): boolean =>
  grant.rights.some((right) => ['*', table].includes(right.table) && actions.includes(right.action));
const policies = (world: World, table: string, grant: Grant): readonly PolicySpec[] =>
  grant.asOwner ? [] : (world[table]?.policies ?? []);

function isHidden(world: World, table: string, grant: Grant): boolean {
  if (!may(grant, table, 'read', 'search', 'aggregate', 'write')) return true;
  if (
    grant.restrictions.some(
      ({ tables }) => tables && !tables.some((name) => name === '*' || low(name) === low(table)),
    )
  )
    return true;
  return !grant.asOwner && excludes(world[table]?.tableTags ?? [], grant.zone);
}

function minGroup(world: World, table: string, grant: Grant): number | undefined {
  const all = [
    ...policies(world, table, grant).flatMap((policy) => policy.minGroup ?? []),
    ...grant.restrictions.flatMap((block) => about(block.minGroups, table).map(({ rows }) => rows)),
  ];
  if (all.length > 0) return Math.max(...all);
  return may(grant, table, 'aggregate') && !may(grant, table, 'read') ? 5 : undefined;
}

function isSeen(
  world: World,
  table: string,
  schema: TableSchema,
  row: Row,
  grant: Grant,
  keys: Pseudonyms,
): boolean {
  const passes = (predicate: string, columns: readonly Field[], values: Row): boolean => {
    try {
      return compilePredicate(parsePredicate(predicate), { columns })(values) === true;
    } catch {
      return false;
    }
  };
  const manifest = policies(world, table, grant).every(
    ({ rows }) => rows === undefined || passes(rows, schema.columns, row),
  );
  return (
    manifest &&
    grant.restrictions.every((block, i) =>
      about(block.rows, table).every(({ predicate }) => {
        if (i === 0) return passes(predicate, schema.columns, row);
        const before = blocks(grant, i);
        const columns = schema.columns.flatMap(
          (column) => seeType(world, table, column, column.name, before) ?? [],
        );
        return passes(predicate, columns, seeRow(world, table, schema, row, before, keys));
      }),
    )
  );
}

function seeRow(
  world: World,
  table: string,
  schema: TableSchema,
  row: Row,
  grant: Grant,
  keys: Pseudonyms,
): Row {
  return Object.fromEntries(
    schema.columns
      .filter((column) => seeType(world, table, column, column.name, grant))
      .map((column) => [
        column.name,
        seeValue(world, table, column, column.name, row[column.name] ?? null, grant, keys),
      ]),
  );
}

/** Everything that is said of exactly this path; for an end of the schema also what is said beyond it. */
export function effect(world: World, table: string, { type }: Field, path: string, grant: Grant): string {
  const facts = world[table]?.columns ?? {};
  const isEnd = type.kind !== 'struct';
  const said: string[] = [];
  const say = (name: string, action: string): void => {
    if (low(name) === low(path)) said.push(action);
    else if (isEnd && type.kind !== 'undecided' && inside(name, path)) said.push('deny');
  };
  for (const policy of policies(world, table, grant))
    for (const { name, action } of policy.columns) say(name, action);
  for (const block of grant.restrictions) {
    for (const { column, action } of about(block.actions, table)) say(column, action);
    for (const { names } of about(block.columns, table))
      if (isEnd && !names.some((name) => inside(path, name))) said.push('deny');
  }
  for (const [name, { tags = [], contains = [] }] of Object.entries(facts)) {
    if (!isEnd || !(inside(path, name) || inside(name, path))) continue;
    if (!grant.asOwner && excludes(tags, grant.zone)) said.push('deny');
    if (contains.some((target) => !isClear(world, target, grant))) said.push('scrub');
  }
  return [...COLUMN_ACTIONS, 'scrub'].find((action) => said.includes(action)) ?? 'clear';
}

/** Every row's value, as it is. */
function isClear(world: World, target: string, grant: Grant): boolean {
  const [table = '', ...rest] = target.split('.');
  const column = rest.join('.');
  const touches = (name: string): boolean => inside(name, column) || inside(column, name);
  if (isHidden(world, table, grant) || !may(grant, table, 'read')) return false;
  const own = policies(world, table, grant);
  const tags = Object.entries(world[table]?.columns ?? {})
    .filter(([name]) => touches(name))
    .flatMap(([, fact]) => fact.tags ?? []);
  return (
    own.every(
      (policy) =>
        policy.rows === undefined &&
        policy.minGroup === undefined &&
        !policy.columns.some(({ name }) => touches(name)),
    ) &&
    (grant.asOwner || !excludes(tags, grant.zone)) &&
    grant.restrictions.every(
      (block) =>
        [...about(block.rows, table), ...about(block.minGroups, table)].length === 0 &&
        !about(block.actions, table).some((action) => touches(action.column)) &&
        about(block.columns, table).every(({ names }) => names.some((name) => inside(column, name))),
    )
  );
}

const OPAQUE = ['struct', 'list', 'json', 'bytes'];

function seeType(world: World, table: string, field: Field, path: string, grant: Grant): Field | undefined {
  const done = effect(world, table, field, path, grant);
  if (done === 'deny') return undefined;
  let type: LogicalType = field.type;
  if (type.kind === 'struct') {
    const fields = type.fields.flatMap(
      (inner) => seeType(world, table, inner, `${path}.${inner.name}`, grant) ?? [],
    );
    if (fields.length === 0) return undefined;
    type = { kind: 'struct', fields };
  }
  const isRenamed = ['hash', 'tokenize'].includes(done) && !OPAQUE.includes(type.kind);
  return { name: field.name, type: isRenamed ? { kind: 'string' } : type };
}

function seeValue(
  world: World,
  table: string,
  field: Field,
  path: string,
  value: JsonValue,
  grant: Grant,
  keys: Pseudonyms,
): JsonValue {
  const done = effect(world, table, field, path, grant);
  const { type } = field;
  if (value === null || done === 'redact') return null;
  if (type.kind === 'struct') {
    if (done !== 'clear') return null;
    const inner = value as { readonly [name: string]: JsonValue };
    return Object.fromEntries(
      type.fields
        .filter((each) => seeType(world, table, each, `${path}.${each.name}`, grant))
        .map((each) => [
          each.name,
          seeValue(world, table, each, `${path}.${each.name}`, inner[each.name] ?? null, grant, keys),
        ]),
    );
  }
  if (done === 'clear') return value;
  if (OPAQUE.includes(type.kind)) return null;
  if (done === 'hash') return hashText(String(value), keys);
  if (done === 'tokenize') return tokenizeText(String(value), keys);
  if (type.kind !== 'string') return null;
  return done === 'mask'
    ? maskText(piiType(world, table, path))(String(value))
    : scrubText(quoted(world, table, path, grant))(String(value));
}

function piiType(world: World, table: string, path: string): PiiType | undefined {
  const found = Object.entries(world[table]?.columns ?? {}).filter(
    ([name, { pii }]) => pii && (inside(path, name) || inside(name, path)),
  );
  const kinds = new Set(found.map(([, { pii }]) => pii));
  return kinds.size === 1 ? [...kinds][0] : undefined;
}

function quoted(world: World, table: string, path: string, grant: Grant): readonly PiiType[] {
  return Object.entries(world[table]?.columns ?? {})
    .filter(([name]) => inside(path, name) || inside(name, path))
    .flatMap(([, { contains = [] }]) => contains.filter((target) => !isClear(world, target, grant)))
    .flatMap(
      (target) => piiType(world, target.split('.')[0] ?? '', target.split('.').slice(1).join('.')) ?? [],
    );
}
