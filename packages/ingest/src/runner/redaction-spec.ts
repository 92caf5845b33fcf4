import {
  defaultTableName,
  HakiriError,
  type Manifest,
  type Partitioning,
  type RedactedColumn,
  type RedactionSpec,
  type Table,
  type TableName,
} from '@hakiri/core';
import type { ResolvedTable } from './resolve-tables.ts';

type Facts = Pick<Manifest, 'pipelines' | 'transforms'>;
type TableFacts = Pick<
  ResolvedTable,
  'name' | 'mode' | 'primaryKey' | 'incremental' | 'partitioning' | 'subjectColumns' | 'unknownColumns'
>;

/**
 * What the manifest wants taken out of a table's records, whichever of the pipelines that feed it says so. Undefined
 * where nothing is.
 * @throws HakiriError manifest.wrong_type for an action that would leave rows without a key, or acts on nothing
 */
export function redactionSpec(manifest: Facts, table: TableFacts): RedactionSpec | undefined {
  const entries = entriesOf(manifest, table.name);
  const columns = redactedColumns(entries);
  const unknown = redactsUnknown(table, entries) || (columns.length > 0 && table.unknownColumns === 'drop');
  if (columns.length === 0 && !unknown) return undefined;
  refuseLostKeys(table, columns);
  refuseMadeColumns(manifest, table.name, columns);
  return {
    columns,
    unknown: unknown ? 'redact' : 'pass',
    named: namedPaths(table, entries),
    primaryKey: table.primaryKey,
  };
}

function entriesOf({ pipelines }: Facts, name: TableName): readonly Table[] {
  return pipelines.flatMap(({ source, tables = [] }) =>
    tables.filter((table) => (table.name ?? defaultTableName(source.connector, table.source)) === name),
  );
}

/** Where no entry says otherwise, a pipeline that lists no tables has to do as the others. */
function redactsUnknown({ unknownColumns }: TableFacts, entries: readonly Table[]): boolean {
  const redacts = (each: Pick<Table, 'unknownColumns'>): boolean => each.unknownColumns === 'redact';
  return redacts({ unknownColumns }) || (entries.length > 0 && entries.every(redacts));
}

/** Pipelines that say different things of one column are refused with the manifest. */
function redactedColumns(entries: readonly Table[]): readonly RedactedColumn[] {
  const found = new Map<string, RedactedColumn>();
  for (const { name, onWrite, piiType } of entries.flatMap(({ columns }) => columns)) {
    if (onWrite !== undefined) found.set(name, { path: name, action: onWrite, piiType });
  }
  return [...found.values()];
}

function namedPaths(table: TableFacts, entries: readonly Table[]): readonly string[] {
  const paths = [
    ...table.primaryKey,
    ...table.subjectColumns,
    ...present(table.incremental),
    ...present(columnOf(table.partitioning)),
    ...entries.flatMap((entry) => [
      ...entry.columns.map(({ name }) => name),
      ...(entry.primaryKey ?? []),
      ...(entry.subjectColumns ?? []),
      ...present(entry.incremental),
      ...entry.indexes.flatMap((index) => index.columns),
    ]),
  ];
  return [...new Set(paths)];
}

function present(name: string | undefined): readonly string[] {
  return name === undefined ? [] : [name];
}

function columnOf(partitioning: Partitioning | undefined): string | undefined {
  return partitioning?.column;
}

/** Rows whose keys become the same would be one row. */
function refuseLostKeys({ name, mode, primaryKey }: TableFacts, columns: readonly RedactedColumn[]): void {
  const lost = columns.find(
    ({ path, action }) =>
      mode !== 'append' && primaryKey.includes(path) && action !== 'hash' && action !== 'tokenize',
  );
  if (lost === undefined) return;
  throw new HakiriError(
    'manifest.wrong_type',
    `Column ${lost.path} is in the primary key of ${name}, and on_write = "${lost.action}" would leave rows that no key tells apart`,
    {
      hint: 'Use "hash" or "tokenize" for a column of the key.',
      details: { table: name, column: lost.path },
    },
  );
}

/** `on_write` acts on what a source gives. What a transform makes is written as the transform makes it. */
function refuseMadeColumns(
  { transforms }: Facts,
  table: TableName,
  columns: readonly RedactedColumn[],
): void {
  const made = new Map<string, string | undefined>();
  for (const step of transforms.filter((each) => each.table === table).flatMap(({ steps }) => steps)) {
    if (step.verb === 'rename') for (const { from, to } of step.columns) made.set(to, from);
    if (step.verb === 'with_columns') for (const { name } of step.columns) made.set(name, undefined);
  }
  const found = columns.find(({ path }) => made.has(path));
  if (found === undefined) return;
  const from = made.get(found.path);
  throw new HakiriError(
    'manifest.wrong_type',
    `on_write of column ${found.path} of ${table} acts on records as they come, and that column is made by a transform`,
    {
      hint:
        from === undefined
          ? 'Give on_write to the columns that the transform reads.'
          : `Give it to the column ${from}, which becomes ${found.path}.`,
      details: { table, column: found.path },
    },
  );
}
