import type { SeenTable } from '@hakiri/access';
import { type CatalogTable, quoteIdentifier, type TableName, tableParts } from '@hakiri/core';
import type { AggregateOnly, Session, SessionBase } from '@hakiri/engine';
import { type Store, viewStatement } from '@hakiri/store';
import { isKeyed, keyColumns } from '../cite/citations.ts';

/** A table, and what is seen of it. */
export interface ServedTable {
  readonly table: CatalogTable;
  readonly seen: SeenTable;
}

type SessionTables = Pick<Session, 'views' | 'allowedPaths' | 'bases' | 'aggregateOnly'>;

/**
 * What somebody's own SELECT over the tables may see. What is asked of the rows of one of which some are left out is
 * evaluated on the others alone.
 * @param provenance whether the views of tables that are seen whole have the `_hakiri_` columns
 * @param withSources whether each row can be cited
 */
export function sessionOver(
  store: Pick<Store, 'paths'>,
  tables: readonly ServedTable[],
  { provenance, withSources }: { readonly provenance: boolean; readonly withSources: boolean },
): SessionTables {
  const bases: Record<string, SessionBase> = {};
  const aggregateOnly: Record<string, AggregateOnly> = {};
  const views = tables.flatMap((served) => {
    const { table, seen } = served;
    if (seen.isWhole) return [viewStatement(table, { path: store.paths.absolute, provenance })];
    if (seen.minGroup !== undefined) {
      aggregateOnly[table.name] = { key: rawKeyColumns(table), minGroup: seen.minGroup };
    }
    const all = allRowsView(store, table);
    if (!withSources && seen.minGroup === undefined) {
      return [all, `CREATE VIEW ${quoteIdentifier(table.name)} AS ${seenSelect(served, [], true)}`];
    }
    const base = `_hakiri_seen_${table.name}`;
    const extra = passedOn(table);
    bases[table.name] = { view: base, extra };
    const hidden = extra.map(quoteIdentifier).join(', ');
    return [
      all,
      `CREATE VIEW ${quoteIdentifier(base)} AS ${seenSelect(served, extra, true)}`,
      `CREATE VIEW ${quoteIdentifier(table.name)} AS SELECT * EXCLUDE (${hidden}) FROM ${quoteIdentifier(base)}`,
    ];
  });
  return { views, allowedPaths: pathsOf(store, tables), bases, aggregateOnly };
}

/** Tables that the text may name; it names no others. */
export function namedTables(sql: string, tables: readonly CatalogTable[]): readonly CatalogTable[] {
  const words = new Set(sql.toLowerCase().match(/[a-z0-9_]+/g));
  return tables.filter(({ name }) => words.has(name));
}

/** Starts with what the name of a table cannot. */
const OWN = '_rows';

/**
 * The session of a SELECT over one table that we wrote ourselves. It is a view of the session: what is checked is
 * what comes from outside. The table's view has the `_hakiri_` columns; where it is not seen whole, those that
 * `passedOn` names.
 */
export function ownSession(store: Pick<Store, 'paths'>, served: ServedTable, select: string): Session {
  const { table, seen } = served;
  const own = `CREATE VIEW "${OWN}" AS ${select}`;
  const views = seen.isWhole
    ? [viewStatement(table, { path: store.paths.absolute, provenance: true })]
    : [
        allRowsView(store, table),
        // Nothing that we write fails on a value, so that it may be evaluated before rows are left out.
        `CREATE VIEW ${quoteIdentifier(table.name)} AS ${seenSelect(served, passedOn(table), false)}`,
      ];
  return { sql: `FROM "${OWN}"`, views: [...views, own], allowedPaths: pathsOf(store, [served]) };
}

/** The columns that tell a row in a view of what is seen, whatever is left of the key itself. */
export function rawKeyColumns(table: CatalogTable): readonly string[] {
  return isKeyed(table) ? table.primaryKey.map((_, i) => `_hakiri_key_${i}`) : keyColumns(table);
}

/** What a view of what is seen has behind the columns that are seen. */
function passedOn(table: CatalogTable): readonly string[] {
  const key = isKeyed(table) ? rawKeyColumns(table) : [];
  return [...key, '_hakiri_run', '_hakiri_seq'];
}

const allRows = (name: TableName): TableName => `_hakiri_all_${name}` as TableName;

/** The table as it is, under a name that is no one's to say. */
function allRowsView({ paths }: Pick<Store, 'paths'>, table: CatalogTable): string {
  return viewStatement({ ...table, name: allRows(table.name) }, { path: paths.absolute, provenance: true });
}

function seenSelect({ table, seen }: ServedTable, passing: readonly string[], isBarrier: boolean): string {
  const all = quoteIdentifier(allRows(table.name));
  const key = rawKeyColumns(table).filter((name) => passing.includes(name));
  const copied = isKeyed(table) ? key : [];
  const copies = copied.map(
    (name, i) => `, ${quoteIdentifier(table.primaryKey[i] ?? '')} AS ${quoteIdentifier(name)}`,
  );
  const from = copies.length === 0 ? all : `(SELECT *${copies.join('')} FROM ${all}) AS "_hakiri_keyed"`;
  return seen.select(from, { passing, isBarrier });
}

function pathsOf({ paths }: Pick<Store, 'paths'>, tables: readonly ServedTable[]): readonly string[] {
  return tables.flatMap(({ table }) =>
    [...tableParts(table), ...table.deltas].map(({ path }) => paths.absolute(path)),
  );
}
