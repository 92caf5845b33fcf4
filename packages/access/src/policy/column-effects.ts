import { COLUMN_ACTIONS, type ColumnAction, type LogicalType, type TableSchema } from '@hakiri/core';
import { fieldsOf, isWithin } from './paths.ts';
import type { ColumnRule, Rule } from './table-policy.ts';

/** What becomes of a column, or of a field in which a struct ends, and why: for those who ask. */
export interface PathEffect {
  readonly path: string;
  readonly type: LogicalType;
  readonly effect: ColumnAction | 'scrub' | 'clear';
  readonly because: Rule | undefined;
}

/** Of every column, and of the fields that structs end in, in their order. */
export function columnEffects(schema: TableSchema, rules: readonly ColumnRule[]): readonly PathEffect[] {
  return ends(schema.columns).map(({ path, type }) => {
    const holding = rules.flatMap((rule) => holds(rule, path, type));
    const [first] = holding.sort((a, b) => STRENGTH.indexOf(a.effect) - STRENGTH.indexOf(b.effect));
    return { path, type, effect: first?.effect ?? 'clear', because: first?.because };
  });
}

const STRENGTH: readonly PathEffect['effect'][] = [...COLUMN_ACTIONS, 'scrub'];

function holds(rule: ColumnRule, path: string, type: LogicalType) {
  const { because, effect } = rule;
  if (isWithin(path, rule.path)) return [{ effect: effect.kind, because }];
  // It is meant for what lies beyond where rules reach.
  const isBeyond = isWithin(rule.path, path) && effect.kind !== 'scrub' && type.kind !== 'undecided';
  return isBeyond ? [{ effect: 'deny' as const, because }] : [];
}

interface End {
  readonly path: string;
  readonly type: LogicalType;
}

function ends(columns: TableSchema['columns'], prefix = ''): readonly End[] {
  return columns.flatMap(({ name, type }) => {
    const fields = fieldsOf(type);
    return fields.length === 0 ? [{ path: prefix + name, type }] : ends(fields, `${prefix}${name}.`);
  });
}
