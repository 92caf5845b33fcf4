import { EMPTY_SCHEMA, type FileInput, findColumn, type TableSchema, type TableTarget } from '@hakiri/core';
import type { ConvertInput, Engine } from '@hakiri/engine';

type FileConvertInput = Extract<ConvertInput, { kind: 'file' }>;

/** The columns that a file gives its table, and how they are read. */
export interface FileColumns {
  readonly schema: TableSchema;
  /** As what their clear values are read. */
  readonly clear: TableSchema;
  readonly redacted: NonNullable<FileConvertInput['redacted']>;
  readonly unnamed: readonly string[];
}

/**
 * A file's own types, where the manifest does not say otherwise, without what must not reach the store.
 * @param known the columns of the input as last committed
 * @throws HakiriError source.csv_malformed, source.parquet_damaged
 */
export async function fileColumns(
  engine: Pick<Engine, 'fileSchema'>,
  { path, format }: Pick<FileInput, 'path' | 'format'>,
  { declared, redactor }: Pick<TableTarget, 'declared' | 'redactor'>,
  known: TableSchema = EMPTY_SCHEMA,
): Promise<FileColumns> {
  const found = await engine.fileSchema(path, format);
  if (redactor === undefined) {
    const schema = { columns: found.columns.map((column) => findColumn(declared, column.name) ?? column) };
    return { schema, clear: schema, redacted: [], unnamed: [] };
  }
  const { columns, unnamed } = redactor.file(found, known);
  return {
    schema: { columns: columns.flatMap(({ name, type }) => (type === undefined ? [] : [{ name, type }])) },
    clear: { columns: columns.map(({ name, from }) => ({ name, type: from })) },
    redacted: columns
      .filter(({ type, sql }) => type === undefined || sql !== undefined)
      .map(({ name, sql }) => ({ column: name, sql })),
    unnamed,
  };
}
