import {
  type Column,
  type Field,
  HakiriError,
  type JsonValue,
  type LogicalType,
  quoteIdentifier,
  quoteLiteral,
  sqlType,
} from '@hakiri/core';
import { compileAction } from '../actions/act.ts';
import type { Pseudonyms } from '../actions/pseudonyms.ts';
import { scrubSql, scrubText } from '../actions/scrub.ts';
import { fieldsOf, sameName } from './paths.ts';
import type { ColumnEffect, ColumnRule } from './table-policy.ts';

/** What rules leave of a column, or of a field of a struct. */
export interface ColumnLeft {
  readonly name: string;
  readonly type: LogicalType;
  /** `scrubbed`: text with spans cut out. `renamed`: hashed or tokenized, still one value for each. */
  readonly state: 'clear' | 'scrubbed' | 'renamed' | 'changed';
  /** Whether it is NULL in every row. */
  readonly isNull: boolean;
  readonly fields: readonly ColumnLeft[];
  /** What was done to the whole of it; undefined where that is nothing. */
  readonly action: string | undefined;
  /** Of an expression of the column as it is. NULL stays NULL; it cannot fail on a value. */
  sql(expression: string): string;
  /** Of a value in the one JSON form. */
  value(value: JsonValue): JsonValue;
}

/** The columns that rules leave, in their order. A rule of a column that is not there has no effect. */
export function columnsLeft(
  columns: readonly Column[],
  rules: readonly ColumnRule[],
  pseudonyms: Pseudonyms,
): readonly ColumnLeft[] {
  const asked = rules.map(({ path, effect }) => ({ path, effect }));
  return columns.flatMap((column) => left(column, asked, pseudonyms) ?? []);
}

/** Paths that are left and not as they were, and what was done to them. */
export function actedOn(
  columns: readonly ColumnLeft[],
  prefix = '',
): readonly { readonly column: string; readonly action: string }[] {
  return columns.flatMap(({ name, action, fields }) => {
    const column = prefix + name;
    return action === undefined ? actedOn(fields, `${column}.`) : [{ column, action }];
  });
}

/** How a path of names is written over the columns as they are, so that its value is as the rules leave it. */
export function pathSql(columns: readonly ColumnLeft[], path: readonly string[]): string {
  let among = columns;
  let sql = '';
  let found: ColumnLeft | undefined;
  for (const name of path) {
    const next = among.find((column) => column.name === name);
    if (next === undefined) throw new HakiriError('internal', `There is no column ${path.join('.')}.`);
    sql = found === undefined ? quoteIdentifier(name) : `struct_extract(${sql}, ${quoteLiteral(name)})`;
    if (found?.isNull === true) sql = `CAST(NULL AS ${sqlType(next.type)})`;
    else if (next.isNull) sql = next.sql(sql);
    among = next.fields;
    found = next.isNull || found?.isNull === true ? { ...next, isNull: true } : next;
  }
  return found === undefined || found.isNull ? sql : found.sql(sql);
}

interface Asked {
  /** From the column that is looked at. */
  readonly path: string;
  readonly effect: ColumnEffect;
}

function left(
  { name, type }: Field,
  rules: readonly Asked[],
  pseudonyms: Pseudonyms,
): ColumnLeft | undefined {
  const own: ColumnEffect[] = [];
  const inner: Asked[] = [];
  for (const { path, effect } of rules) {
    if (sameName(path, name)) own.push(effect);
    else if (path.toLowerCase().startsWith(`${name.toLowerCase()}.`)) {
      inner.push({ path: path.slice(name.length + 1), effect });
    }
  }
  if (own.some(({ kind }) => kind === 'deny')) return undefined;
  const fields = fieldsOf(type).flatMap((field) => left(field, inner, pseudonyms) ?? []);
  if (type.kind === 'struct' && fields.length === 0) return undefined;
  // What is meant lies where no rule can reach it. Texts that quote are told by the columns there are.
  const isMissed = type.kind !== 'struct' && type.kind !== 'undecided';
  if (isMissed && inner.some(({ effect }) => effect.kind !== 'scrub')) return undefined;
  const whole = type.kind === 'struct' ? structLeft(name, type, fields) : clear(name, type);
  // Two names that differ in case can both be rules of one column.
  return own
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, 1)
    .reduce((column, effect) => act(column, effect, pseudonyms), whole);
}

const ORDER: readonly ColumnEffect['kind'][] = ['deny', 'redact', 'hash', 'tokenize', 'mask', 'scrub'];

const rank = ({ kind }: ColumnEffect): number => ORDER.indexOf(kind);

function clear(name: string, type: LogicalType): ColumnLeft {
  return {
    name,
    type,
    state: 'clear',
    isNull: false,
    fields: [],
    action: undefined,
    sql: (sql) => sql,
    value: (value) => value,
  };
}

function structLeft(
  name: string,
  before: Extract<LogicalType, { kind: 'struct' }>,
  fields: readonly ColumnLeft[],
): ColumnLeft {
  const isSame = fields.length === before.fields.length && fields.every(({ state }) => state === 'clear');
  if (isSame) return { ...clear(name, before), fields };
  return {
    name,
    type: { kind: 'struct', fields: fields.map((field) => ({ name: field.name, type: field.type })) },
    state: 'changed',
    isNull: false,
    fields,
    action: undefined,
    sql(sql) {
      const parts = fields.map((field) => {
        const value = field.sql(`struct_extract(${sql}, ${quoteLiteral(field.name)})`);
        return `${quoteLiteral(field.name)}: ${value}`;
      });
      return `CASE WHEN ${sql} IS NULL THEN NULL ELSE {${parts.join(', ')}} END`;
    },
    value(value) {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
      return Object.fromEntries(
        fields.map((field) => [
          field.name,
          field.value(Object.hasOwn(value, field.name) ? (value[field.name] ?? null) : null),
        ]),
      );
    },
  };
}

function act(column: ColumnLeft, effect: ColumnEffect, pseudonyms: Pseudonyms): ColumnLeft {
  const { name, type, fields } = column;
  if (effect.kind === 'deny') return column;
  if (effect.kind === 'scrub' && type.kind === 'string') {
    const scrub = scrubText(effect.piiTypes);
    return {
      ...column,
      state: 'scrubbed',
      action: 'scrub',
      sql: (sql) => scrubSql(sql, effect.piiTypes),
      value: (value) => (typeof value === 'string' ? scrub(value) : null),
    };
  }
  const isRenaming = effect.kind === 'hash' || effect.kind === 'tokenize';
  const compiled =
    effect.kind === 'scrub'
      ? compileAction('redact', type, undefined, pseudonyms)
      : compileAction(effect.kind, type, effect.piiType, pseudonyms);
  return {
    name,
    type: compiled.type,
    state: isRenaming && !compiled.isNull ? 'renamed' : 'changed',
    isNull: compiled.isNull,
    fields,
    action: effect.kind,
    sql: compiled.sql,
    value: compiled.value,
  };
}
