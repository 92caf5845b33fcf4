import type { Restrictions } from '@hakiri/core';
import type { Fact, Term, TimeCheck } from '../biscuit/index.ts';

export const fact = (name: string, ...terms: readonly (string | number | readonly string[])[]): Fact => ({
  name,
  terms: terms.map(term),
});

function term(value: string | number | readonly string[]): Term {
  if (typeof value === 'string') return { kind: 'text', text: value };
  if (typeof value === 'number') return { kind: 'integer', value };
  return { kind: 'texts', texts: value };
}

export function restrictionFacts(restrictions: Restrictions): readonly Fact[] {
  const { tables, zones, rows, columns, actions, minGroups } = restrictions;
  return [
    ...(tables ?? []).map((table) => fact('table', table)),
    ...(zones ?? []).map((zone) => fact('zone', zone)),
    ...rows.map(({ table, predicate }) => fact('row_filter', table, predicate)),
    ...columns.map(({ table, names }) => fact('columns', table, names)),
    ...actions.map(({ table, column, action }) => fact('column', table, column, action)),
    ...minGroups.map(({ table, rows: least }) => fact('min_group', table, least)),
  ];
}

/** In whole seconds: never later than asked for, and never valid earlier. */
export function timeChecks(times: {
  readonly notBeforeMs?: number | undefined;
  readonly expiresAtMs?: number | undefined;
}): readonly TimeCheck[] {
  const { notBeforeMs, expiresAtMs } = times;
  return [
    ...(notBeforeMs === undefined ? [] : [[{ op: '>=', seconds: Math.ceil(notBeforeMs / 1000) }] as const]),
    ...(expiresAtMs === undefined ? [] : [[{ op: '<=', seconds: Math.floor(expiresAtMs / 1000) }] as const]),
  ];
}
