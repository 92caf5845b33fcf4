import { createHash } from 'node:crypto';
import {
  ACTIONS,
  type Action,
  COLUMN_ACTIONS,
  compareText,
  excludedFrom,
  type Grant,
  hasRight,
  type PiiType,
  type Restrictions,
  type TableSchema,
  tagAllows,
} from '@hakiri/core';
import { isWithin, leafPaths, overlap, sameName, wholePaths } from './paths.ts';
import type { TableFacts } from './table-facts.ts';
import type {
  ColumnEffect,
  ColumnRule,
  HiddenTable,
  RowRule,
  Rule,
  TablePolicy,
  VisibleTable,
} from './table-policy.ts';

/** Rows behind a group, where a grant may aggregate and nobody said how many. */
const DEFAULT_MIN_GROUP = 5;

/** What is left of a table to somebody of whom nothing is held back. */
export const SEES_ALL: VisibleTable = {
  kind: 'visible',
  actions: new Set(ACTIONS.filter((action) => action !== 'run')),
  rows: [],
  columns: [],
  minGroup: undefined,
  digest: '',
};

/**
 * What the manifest and a grant leave of a table: see docs/policies.md, "What holds". Zones that blocks restrict the
 * caller to are no matter of one table: see `refusedZones`.
 * @param schema of the table in the store; allow lists and zones are told by it
 */
export function policyOf(facts: TableFacts, schema: TableSchema, grant: Grant): TablePolicy {
  const hidden = hiddenBecause(facts, grant);
  if (hidden !== undefined) return hidden;
  const actions = new Set(actionsOf(facts.table, grant));
  const rows = rowRules(facts, schema, grant);
  const columns = columnRules(facts, schema, grant, grant.restrictions.length);
  const minGroup = minGroupOf(facts, grant, actions);
  const kept = { rows, columns, minGroup, canRead: actions.has('read') };
  return { kind: 'visible', actions, rows, columns, minGroup, digest: digestOf(kept) };
}

/** The zones of the first block whose zones leave the caller's out: then nothing at all is served to it. */
export function refusedZones({ zone, restrictions }: Grant): readonly string[] | undefined {
  return restrictions.find(({ zones }) => zones !== undefined && !isIn(zones, zone))?.zones;
}

/** Whether every restriction on the caller's zone lets this one pass: where texts of a question may be sent. */
export function zoneAllowed({ restrictions }: Pick<Grant, 'restrictions'>, zone: string): boolean {
  return restrictions.every(({ zones }) => zones === undefined || tagAllows(zones, zone));
}

function isIn(zones: readonly string[], zone: string | undefined): boolean {
  return zone !== undefined && tagAllows(zones, zone);
}

function hiddenBecause({ table, zones }: TableFacts, grant: Grant): HiddenTable | undefined {
  if (actionsOf(table, grant).length === 0) return { kind: 'hidden', because: { kind: 'no_right' } };
  const index = grant.restrictions.findIndex(
    ({ tables }) => tables !== undefined && !tables.some((name) => isAbout(name, table)),
  );
  if (index >= 0) {
    const fact = (grant.restrictions[index]?.tables ?? []).map((name) => `table(${quoted(name)})`).join(', ');
    return { kind: 'hidden', because: { kind: 'block', index, fact } };
  }
  if (!grant.asOwner && isExcluded(zones.table, grant.zone)) {
    return { kind: 'hidden', because: { kind: 'zone', zone: grant.zone, place: `table ${quoted(table)}` } };
  }
  return undefined;
}

function actionsOf(table: string, grant: Grant): readonly Action[] {
  return ACTIONS.filter((action) => action !== 'run' && hasRight(grant, table, action));
}

function isExcluded(tags: TableFacts['zones']['table'], zone: string | undefined): boolean {
  if (zone === undefined) return tags.length > 0;
  return excludedFrom(zone, [], { table: tags, column: () => [] }).all;
}

function rowRules(facts: TableFacts, schema: TableSchema, grant: Grant): readonly RowRule[] {
  const manifest = manifestPolicies(facts, grant).flatMap(({ rows }) =>
    rows === undefined
      ? []
      : [{ predicate: rows, under: [], because: manifestRule(`rows = ${quoted(rows)}`) }],
  );
  const blocks = grant.restrictions.flatMap((block, index): readonly RowRule[] => {
    const own = block.rows.filter((each) => isAbout(each.table, facts.table));
    if (own.length === 0) return [];
    // The authority's filters see what the manifest's see: it is the issuer who knows the table.
    const under = index === 0 ? [] : columnRules(facts, schema, grant, index);
    return own.map(({ predicate }) => ({
      predicate,
      under,
      because: { kind: 'block', index, fact: `row_filter(${quoted(facts.table)}, ${quoted(predicate)})` },
    }));
  });
  return [...manifest, ...blocks];
}

interface Claim {
  readonly path: string;
  readonly effect: ColumnEffect;
  readonly because: Rule;
}

/** As the manifest and the first `blocks` blocks leave the columns. */
function columnRules(
  facts: TableFacts,
  schema: TableSchema,
  grant: Grant,
  blocks: number,
): readonly ColumnRule[] {
  const restrictions = grant.restrictions.slice(0, blocks);
  const claims = [
    ...manifestClaims(facts, grant),
    ...zoneClaims(facts, schema, grant),
    ...restrictions.flatMap((block, index) => [
      ...actionClaims(facts, block, index),
      ...allowListClaims(facts, schema, block, index),
    ]),
    ...scrubClaims(facts, schema, grant, restrictions),
  ];
  const strongest = new Map<string, Claim>();
  for (const claim of claims) {
    const path = claim.path.toLowerCase();
    const other = strongest.get(path);
    if (other === undefined || rank(claim.effect) < rank(other.effect)) strongest.set(path, claim);
  }
  return [...strongest.values()].sort((a, b) => compareText(a.path, b.path));
}

function rank(effect: ColumnEffect): number {
  return effect.kind === 'scrub' ? COLUMN_ACTIONS.length : COLUMN_ACTIONS.indexOf(effect.kind);
}

function manifestClaims(facts: TableFacts, grant: Grant): readonly Claim[] {
  return manifestPolicies(facts, grant).flatMap(({ columns }) =>
    columns.map(({ name, action }) => ({
      path: name,
      effect: { kind: action, piiType: facts.piiType(name) },
      because: manifestRule(`${keyOf(name)} = ${quoted(action)}`),
    })),
  );
}

function zoneClaims(facts: TableFacts, schema: TableSchema, grant: Grant): readonly Claim[] {
  if (grant.asOwner) return [];
  const paths = wholePaths(schema.columns, (leaf) => isExcluded(facts.zones.column(leaf), grant.zone));
  return paths.map((path) => ({
    path,
    effect: DENY,
    because: { kind: 'zone', zone: grant.zone, place: `column ${quoted(path)}` },
  }));
}

const DENY: ColumnEffect = { kind: 'deny', piiType: undefined };

function actionClaims(facts: TableFacts, block: Restrictions, index: number): readonly Claim[] {
  return block.actions
    .filter(({ table }) => isAbout(table, facts.table))
    .map(({ column, action }) => ({
      path: column,
      effect: { kind: action, piiType: facts.piiType(column) },
      because: {
        kind: 'block',
        index,
        fact: `column(${quoted(facts.table)}, ${quoted(column)}, ${quoted(action)})`,
      },
    }));
}

function allowListClaims(
  facts: TableFacts,
  schema: TableSchema,
  block: Restrictions,
  index: number,
): readonly Claim[] {
  return block.columns
    .filter(({ table }) => isAbout(table, facts.table))
    .flatMap(({ names }) => {
      const list = names.map(quoted).join(', ');
      const because: Rule = { kind: 'block', index, fact: `columns(${quoted(facts.table)}, [${list}])` };
      return wholePaths(schema.columns, (leaf) => !isListed(leaf, names)).map((path) => ({
        path,
        effect: DENY,
        because,
      }));
    });
}

function isListed(path: string, names: readonly string[]): boolean {
  return names.some((name) => isWithin(path, name));
}

/** Texts that may quote a column that is not read in clear. */
function scrubClaims(
  facts: TableFacts,
  schema: TableSchema,
  grant: Grant,
  restrictions: readonly Restrictions[],
): readonly Claim[] {
  const sofar: Grant = { ...grant, restrictions };
  const withheld = (path: string): readonly string[] =>
    facts.quotes(path).filter((quotedColumn) => !isReadInClear(facts, quotedColumn, sofar));
  return leafPaths(schema.columns).flatMap((path): readonly Claim[] => {
    const columns = withheld(path);
    if (columns.length === 0) return [];
    const piiTypes = [...new Set(columns.flatMap((column) => piiTypeOf(facts, column) ?? []))].sort();
    return [
      {
        path,
        effect: { kind: 'scrub', piiTypes },
        because: manifestRule(`${keyOf(path)} contains ${columns.map(quoted).join(', ')}`),
      },
    ];
  });
}

function piiTypeOf(facts: TableFacts, tableColumn: string): PiiType | undefined {
  const [table, column] = split(tableColumn);
  return facts.other(table).piiType(column);
}

/** A table's name has no dot. */
function split(tableColumn: string): readonly [table: string, column: string] {
  const dot = tableColumn.indexOf('.');
  return [tableColumn.slice(0, dot), tableColumn.slice(dot + 1)];
}

/** Whether a grant reads a column of every row as it is: told without the schema, which may not be there yet. */
function isReadInClear(facts: TableFacts, tableColumn: string, grant: Grant): boolean {
  const [table, column] = split(tableColumn);
  const other = facts.other(table);
  if (hiddenBecause(other, grant) !== undefined || !hasRight(grant, table, 'read')) return false;
  const policies = manifestPolicies(other, grant);
  if (!grant.asOwner && isExcluded(other.zones.column(column), grant.zone)) return false;
  if (policies.some(({ rows, minGroup }) => rows !== undefined || minGroup !== undefined)) return false;
  if (policies.some(({ columns }) => columns.some(({ name }) => overlap(name, column)))) return false;
  return grant.restrictions.every((block) => {
    const own = <T extends { readonly table: string }>(of: readonly T[]): readonly T[] =>
      of.filter((each) => isAbout(each.table, table));
    return (
      own(block.rows).length === 0 &&
      own(block.minGroups).length === 0 &&
      own(block.actions).every((action) => !overlap(action.column, column)) &&
      own(block.columns).every(({ names }) => isListed(column, names))
    );
  });
}

function minGroupOf(facts: TableFacts, grant: Grant, actions: ReadonlySet<Action>): number | undefined {
  const given = [
    ...manifestPolicies(facts, grant).flatMap(({ minGroup }) => minGroup ?? []),
    ...grant.restrictions.flatMap(({ minGroups }) =>
      minGroups.filter(({ table }) => isAbout(table, facts.table)).map(({ rows }) => rows),
    ),
  ];
  if (given.length > 0) return Math.max(...given);
  return actions.has('aggregate') && !actions.has('read') ? DEFAULT_MIN_GROUP : undefined;
}

/** The ceiling, which only the owner passes by, when asked to. */
function manifestPolicies(facts: TableFacts, grant: Grant): TableFacts['policies'] {
  return grant.asOwner ? [] : facts.policies;
}

/** Restrictions may be meant for all tables. A name that differs in case is taken for the same: it takes away. */
function isAbout(name: string, table: string): boolean {
  return name === '*' || sameName(name, table);
}

function manifestRule(place: string): Rule {
  return { kind: 'manifest', place };
}

/** As a column is named in a manifest. */
const keyOf = (path: string): string => `columns.${/^[A-Za-z0-9_-]+$/.test(path) ? path : quoted(path)}`;

const quoted = (text: string): string => JSON.stringify(text);

function digestOf(kept: {
  readonly rows: readonly RowRule[];
  readonly columns: readonly ColumnRule[];
  readonly minGroup: number | undefined;
  readonly canRead: boolean;
}): string {
  if (kept.rows.length === 0 && kept.columns.length === 0 && kept.minGroup === undefined && kept.canRead)
    return '';
  const columns = (rules: readonly ColumnRule[]) => rules.map(({ path, effect }) => [path, effect]);
  const said = [
    kept.rows.map(({ predicate, under }) => [predicate, columns(under)]),
    columns(kept.columns),
    kept.minGroup ?? null,
    kept.canRead,
  ];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}
