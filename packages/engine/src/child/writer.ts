import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api';
import {
  HakiriError,
  type JsonValue,
  quoteLiteral,
  RESERVED_PREFIX,
  type TableSchema,
  UNDECIDED,
} from '@hakiri/core';
import { checkFileColumns } from '../convert/check-file-columns.ts';
import { convert } from '../convert/convert.ts';
import { describeStatement, readFile, undecidedStatement } from '../convert/convert-statement.ts';
import { csvDelimiter } from '../convert/csv-delimiter.ts';
import { fileError } from '../convert/file-error.ts';
import { writeParquet } from '../copy/write-parquet.ts';
import { checkTransform } from '../gate/transform-gate.ts';
import type { ConvertRequest, ConvertResult, CopyRequest, CopyResult } from '../protocol.ts';
import { openInstance, WRITER_SETTINGS } from './instance.ts';
import { jsonValue } from './json-value.ts';
import { preparedSchema } from './logical-from-duckdb.ts';
import { mapEngineError } from './map-error.ts';

/** Long work that needs the engine's connection. What it throws goes back to whoever asked. */
export type WriterJob = (connection: DuckDBConnection, request: never) => Promise<unknown>;

/** The engine's side of the way in. Every request is from our own program: paths and names are trusted here. */
export function createWriter() {
  let opened: Promise<DuckDBConnection> | undefined;
  const connect = (): Promise<DuckDBConnection> => {
    opened ??= openInstance(WRITER_SETTINGS).then(({ connection }) => connection);
    return opened;
  };

  return {
    async convert(request: ConvertRequest): Promise<ConvertResult> {
      return convert(await connect(), request);
    },

    async checkTransform(transform: string): Promise<void> {
      await checkTransform(await connect(), transform, undefined);
    },

    async describe(input: TableSchema, transform: string): Promise<TableSchema> {
      const connection = await connect();
      await checkTransform(connection, transform, input);
      try {
        const prepared = await connection.prepare(describeStatement(input, transform));
        const { columns } = preparedSchema(prepared);
        const undecided = input.columns.some(({ type }) => type.kind === 'undecided')
          ? (await connection.runAndReadAll(undecidedStatement(input, transform))).getRows()[0]
          : undefined;
        return {
          columns: columns
            .map((column, i) => (undecided?.[i] === true ? { name: column.name, type: UNDECIDED } : column))
            .filter(({ name }) => !name.startsWith(RESERVED_PREFIX)),
        };
      } catch (error) {
        // Binding looks at names and types only: the message quotes the manifest's own text, no row.
        const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
        throw new HakiriError('transform.invalid', `A transform does not fit its table: ${message}`, {
          cause: error,
          ...(isAbsence(message) ? { hint: ABSENT_HINT } : {}),
        });
      }
    },

    async fileSchema(path: string, format: 'csv' | 'parquet'): Promise<TableSchema> {
      const connection = await connect();
      let columns: TableSchema['columns'];
      let names: readonly string[];
      try {
        const delimiter = format === 'csv' ? await csvDelimiter(path) : undefined;
        const prepared = await connection.prepare(`SELECT * FROM ${readFile(path, format, delimiter)}`);
        columns = preparedSchema(prepared).columns;
        names =
          format === 'csv' ? await headerOf(connection, path, delimiter) : columns.map(({ name }) => name);
      } catch (error) {
        throw await fileError(error, path, format);
      }
      checkFileColumns(path, names);
      return { columns };
    },

    async select(sql: string): Promise<readonly (readonly JsonValue[])[]> {
      try {
        const reader = await (await connect()).runAndReadAll(sql);
        const types = reader.columnTypes();
        return reader.getRows().map((row) => row.map((cell, i) => jsonValue(cell, types[i] as DuckDBType)));
      } catch (error) {
        throw mapEngineError(error, 'store.damaged', 'reading the store');
      }
    },

    async copy(request: CopyRequest): Promise<CopyResult> {
      return writeParquet(await connect(), request);
    },

    async job(job: WriterJob, request: unknown): Promise<unknown> {
      return job(await connect(), request as never);
    },

    async countRows(path: string): Promise<number> {
      const connection = await connect();
      try {
        const reader = await connection.runAndReadAll(
          `SELECT num_rows FROM parquet_file_metadata(${quoteLiteral(path)})`,
        );
        return Number(reader.getRows()[0]?.[0]);
      } catch (error) {
        throw mapEngineError(error, 'store.damaged', 'counting the rows of a part');
      }
    },
  };
}

const ABSENT_HINT =
  'Check the name. A column that the data does not have yet: declare it under columns, with its type (columns.name = { type = "string" }).';

/** What the engine says of a column or a field that its input does not have. */
function isAbsence(message: string): boolean {
  return /^Binder Error: (?:Referenced (?:column|table) ".*" not found|Column ".*" in \w+ list not found|Could not find key)/.test(
    message,
  );
}

async function headerOf(
  connection: DuckDBConnection,
  path: string,
  delimiter: string | undefined,
): Promise<readonly string[]> {
  const reader = await connection.runAndReadAll(
    `SELECT * FROM ${readFile(path, 'csv', delimiter, false)} LIMIT 1`,
  );
  return (reader.getRows()[0] ?? []).map((name) => String(name ?? ''));
}
