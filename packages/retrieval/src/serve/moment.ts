import {
  type AuditRead,
  type CatalogTable,
  type Grant,
  HakiriError,
  type RowsRequest,
  type TableName,
} from '@hakiri/core';
import type { Store } from '@hakiri/store';
import { lookUpPath } from '../query/columns.ts';
import { namedTables, type ServedTable } from '../query/session.ts';
import { tablesAt } from '../query/tables-at.ts';
import { unknownTable } from '../query/unknown-table.ts';
import { type Position, samePolicy } from './continuation.ts';
import type { ServeParts } from './parts.ts';
import { bounded, gone as noLongerKept, restored } from './pin.ts';
import { seenOf } from './seen-of.ts';

/** The tables that a request reads, each at one moment, for one grant: what it does not see is not there. */
export interface Moment {
  readonly tables: readonly CatalogTable[];
  /** Goes on where another answer ended: rows that were deleted since are left out. */
  readonly isContinued: boolean;
  /** The error for a table that is not there. */
  unknown(name: string): Error;
  /** What was given of the tables, for the audit: grows with the answer. */
  readonly reads: AuditRead[];
}

type MomentParts = Pick<ServeParts, 'store' | 'known' | 'seen'>;

/**
 * @throws HakiriError query.next_invalid when what is continued is no longer kept, or no longer seen as it was;
 * usage.unknown_name, usage.argument for an `asOf` that is no moment
 */
export async function momentOf(
  parts: MomentParts,
  { asOf }: Pick<RowsRequest, 'asOf'>,
  grant: Grant,
  position: Position | undefined,
): Promise<Moment> {
  const { store } = parts;
  const now = visibleTables(parts, await parts.known.now(), grant);
  if (position !== undefined) {
    const kept = await Promise.all(
      position.tables.map(async (pin) => ({ pin, table: await restored(store, pin) })),
    );
    const tables = kept.map(({ pin, table }) => {
      if (!samePolicy(pin, parts.seen(table, grant))) throw noLongerKept();
      return presented(parts, table, grant);
    });
    return {
      tables,
      isContinued: asOf === undefined,
      reads: [],
      unknown: (name) => unknownTable(name, { tables, now }),
    };
  }
  if (asOf === undefined) {
    const unknown = (name: string) => unknownTable(name, { tables: now, now });
    return { tables: now, isContinued: false, reads: [], unknown };
  }
  const then = await tablesAt(store, asOf);
  const tables = visibleTables(parts, then.tables, grant);
  const visible = new Set<TableName>(now.map(({ name }) => name));
  const gone = new Map([...then.gone].filter(([name]) => visible.has(name)));
  return {
    tables,
    isContinued: false,
    reads: [],
    unknown: (name) => unknownTable(name, { tables, now, gone, asOf }),
  };
}

/** The tables that there are to a grant. */
export function visibleTables(
  parts: Pick<ServeParts, 'seen'>,
  tables: readonly CatalogTable[],
  grant: Grant,
): readonly CatalogTable[] {
  return tables.flatMap((table) =>
    parts.seen(table, grant) === undefined ? [] : [presented(parts, table, grant)],
  );
}

const withoutIncremental = new WeakMap<CatalogTable, CatalogTable>();

/** When a row was written at its source is told where the column that says so is served as it is. */
function presented(parts: Pick<ServeParts, 'seen'>, table: CatalogTable, grant: Grant): CatalogTable {
  if (table.incremental === null) return table;
  const seen = seenOf(parts, table, grant);
  const [column] = lookUpPath(table.incremental, table.schema)?.path ?? [];
  if (seen.isWhole || column === undefined || seen.clearColumns.has(column)) return table;
  const made = withoutIncremental.get(table) ?? { ...table, incremental: null };
  withoutIncremental.set(table, made);
  return made;
}

/** @throws HakiriError query.unknown_table, query.as_of_gone */
export function requireTable(
  { tables, unknown }: Pick<Moment, 'tables' | 'unknown'>,
  name: string,
): CatalogTable {
  const table = tables.find((candidate) => candidate.name === name);
  if (!table) throw unknown(name);
  return table;
}

/** The table, cut off where it ends now: what is written from here on is not in the answer. */
export function requireBounded(store: Store, moment: Moment, name: string): CatalogTable {
  return bounded(store, requireTable(moment, name));
}

/** The moment, with the tables that any of the texts names cut off where they end now. */
export function boundedMoment(store: Store, moment: Moment, texts: readonly string[]): Moment {
  const named = new Set(texts.flatMap((text) => namedTables(text, moment.tables)));
  const tables = moment.tables.map((table) => (named.has(table) ? bounded(store, table) : table));
  return { ...moment, tables };
}

/** What the grant sees of some tables of its moment. */
export function servedTables(
  parts: Pick<ServeParts, 'seen'>,
  tables: readonly CatalogTable[],
  grant: Grant,
): readonly ServedTable[] {
  return tables.map((table) => ({ table, seen: seenOf(parts, table, grant) }));
}

/** Whether anything of a table is given: rows, or aggregates over them. */
export function mayRead({ seen }: Pick<ServedTable, 'seen'>): boolean {
  return seen.canRead || seen.minGroup !== undefined;
}

/** @throws HakiriError access.denied, access.aggregate_only where the grant is not given the table's rows */
export function requireRows({ table: { name }, seen }: ServedTable): void {
  if (seen.canRead) return;
  if (seen.minGroup === undefined) throw denied(name);
  throw new HakiriError('access.aggregate_only', `Of ${name} only aggregates are given, and no rows`, {
    hint: `Ask in SQL: SELECT a, count(*), avg(b) FROM ${name} GROUP BY a.`,
  });
}

export function denied(table: string): HakiriError {
  return new HakiriError('access.denied', `Nothing of ${table} may be read`);
}
