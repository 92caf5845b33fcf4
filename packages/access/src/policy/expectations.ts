import { type Grant, OWNER_GRANT, type PolicyTest, type TableSchema } from '@hakiri/core';
import { columnEffects, type PathEffect } from './column-effects.ts';
import { overlap } from './paths.ts';
import { policyOf } from './policy-of.ts';
import type { TableFacts } from './table-facts.ts';
import type { TablePolicy } from './table-policy.ts';

/** What an expectation says and does not hold, in words; empty where all of it does. */
export function unmet(test: PolicyTest, facts: TableFacts, schema: TableSchema): readonly string[] {
  const policy = policyOf(facts, schema, testGrant(test));
  const isHidden = policy.kind === 'hidden';
  if ((test.hidden ?? false) !== isHidden) {
    return [isHidden ? 'the table is hidden' : 'the table is not hidden'];
  }
  return policy.kind === 'hidden' ? [] : unmetByVisible(test, policy, columnEffects(schema, policy.columns));
}

/** Of a table that is not in the store yet: the columns that are spoken of, all of them text. */
export function assumedSchema(paths: readonly string[]): TableSchema {
  const first = new Map<string, string[]>();
  for (const path of paths) {
    const dot = path.indexOf('.');
    const name = dot < 0 ? path : path.slice(0, dot);
    first.set(name, [...(first.get(name) ?? []), ...(dot < 0 ? [] : [path.slice(dot + 1)])]);
  }
  return {
    columns: [...first].map(([name, inner]) => ({
      name,
      type:
        inner.length === 0 ? { kind: 'string' } : { kind: 'struct', fields: assumedSchema(inner).columns },
    })),
  };
}

/** The paths that an expectation speaks of. */
export function pathsOf({ sees, hides, columns, caller }: PolicyTest): readonly string[] {
  const named = [...columns, ...(caller?.column ?? [])].map(({ name }) => name);
  return [...sees, ...hides, ...named, ...(caller?.columns ?? [])];
}

function testGrant({ caller, table }: PolicyTest): Grant {
  if (caller === undefined) return OWNER_GRANT;
  const { agent, zone, tables, actions, rows, columns, column, minGroup } = caller;
  return {
    ...OWNER_GRANT,
    subject: agent,
    principal: { agent, delegates: [] },
    rights: tables.flatMap((each) => actions.map((action) => ({ table: each, action }))),
    restrictions: [
      {
        rows: rows === undefined ? [] : [{ table, predicate: rows }],
        columns: columns === undefined ? [] : [{ table, names: columns }],
        actions: column.map(({ name, action }) => ({ table, column: name, action })),
        minGroups: minGroup === undefined ? [] : [{ table, rows: minGroup }],
      },
    ],
    zone,
    digest: `policy test ${JSON.stringify(caller)}`,
  };
}

function unmetByVisible(
  test: PolicyTest,
  policy: Extract<TablePolicy, { kind: 'visible' }>,
  effects: readonly PathEffect[],
): readonly string[] {
  const of = (path: string): readonly PathEffect[] => effects.filter((each) => overlap(each.path, path));
  const isServed = ({ effect }: PathEffect): boolean => effect !== 'deny';
  const found: string[] = [];
  for (const path of test.sees) {
    if (of(path).length === 0) found.push(`there is no column "${path}"`);
    else if (!of(path).some(isServed)) found.push(`"${path}" is not served`);
  }
  for (const path of test.hides) if (of(path).some(isServed)) found.push(`"${path}" is served`);
  for (const { name, action } of test.columns) {
    const others = [...new Set(of(name).map(({ effect }) => effect))].filter((effect) => effect !== action);
    if (of(name).length === 0) found.push(`there is no column "${name}"`);
    if (others.length > 0)
      found.push(`"${name}" is ${others.map(saidOf).join(' and ')}, not ${saidOf(action)}`);
  }
  const allRows = policy.rows.length === 0;
  if (test.allRows !== undefined && test.allRows !== allRows) {
    found.push(allRows ? 'no filter holds rows back' : 'a filter holds rows back');
  }
  if (test.minGroup !== undefined && test.minGroup !== (policy.minGroup ?? 0)) {
    found.push(policy.minGroup === undefined ? 'rows are served' : `min_group is ${policy.minGroup}`);
  }
  return found;
}

const SAID: Readonly<Record<PathEffect['effect'], string>> = {
  deny: 'denied',
  redact: 'redacted',
  hash: 'hashed',
  tokenize: 'tokenized',
  mask: 'masked',
  scrub: 'scrubbed',
  clear: 'clear',
};

function saidOf(effect: PathEffect['effect']): string {
  return SAID[effect];
}
