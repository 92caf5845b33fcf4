import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { HakiriError, quoteLiteral, RESERVED_PREFIX, type TableSchema, UNDECIDED } from '@hakiri/core';
import {
  convertStatement,
  describeStatement,
  NULL_ORDER,
  objectSize,
  readFile,
  undecidedStatement,
} from '../convert/convert-statement.ts';
import { csvBrokenQuote } from '../convert/csv-broken-quote.ts';
import { csvDelimiter } from '../convert/csv-delimiter.ts';
import { findMisfits } from '../convert/find-misfits.ts';
import { dropLines, malformedLines, readLines } from '../convert/spool-lines.ts';
import { checkTransform } from '../gate/transform-gate.ts';
import type { ConvertInput, ConvertRequest, ConvertResult, Misfit } from '../protocol.ts';
import { openInstance, WRITER_SETTINGS } from './instance.ts';
import { logicalFromDuckDb } from './logical-from-duckdb.ts';
import { engineErrorKind, mapEngineError } from './map-error.ts';

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

    async describe(input: TableSchema, transform: string): Promise<TableSchema> {
      const connection = await connect();
      await checkTransform(connection, transform, input);
      try {
        const prepared = await connection.prepare(describeStatement(input, transform));
        const columns = Array.from({ length: prepared.columnCount }, (_, i) => ({
          name: prepared.columnName(i),
          type: logicalFromDuckDb(prepared.columnType(i)),
        }));
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
        });
      }
    },

    async fileSchema(path: string, format: 'csv' | 'parquet'): Promise<TableSchema> {
      const connection = await connect();
      try {
        const delimiter = format === 'csv' ? await csvDelimiter(path) : undefined;
        const prepared = await connection.prepare(`SELECT * FROM ${readFile(path, format, delimiter)}`);
        return {
          columns: Array.from({ length: prepared.columnCount }, (_, i) => ({
            name: prepared.columnName(i),
            type: logicalFromDuckDb(prepared.columnType(i)),
          })),
        };
      } catch (error) {
        throw await fileError(error, path, format);
      }
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

/** Rounds of setting misfits aside before the whole spool is judged unreadable. */
const MAX_ROUNDS = 4;

async function convert(connection: DuckDBConnection, request: ConvertRequest): Promise<ConvertResult> {
  if (request.input.kind === 'file') return convertFile(connection, request);
  let input: ConvertInput & { kind: 'records' } = request.input;
  const misfits: Misfit[] = [];
  const scratch: string[] = [];
  try {
    for (let round = 0; ; round++) {
      const outcome = await tryConvert(connection, { ...request, input });
      if (outcome.kind === 'written') {
        return {
          ...outcome.written,
          sha256: await sha256(request.output),
          misfits,
        };
      }
      const bad = round < MAX_ROUNDS ? await locate(connection, request, input, outcome) : [];
      if (bad.length === 0) throw outcome.error;
      const next = `${request.output}.spool-${round}`;
      scratch.push(next);
      const dropped = await dropLines(input.path, next, new Set(bad.map(({ line }) => line)));
      for (const { line, column, expected, reason } of bad) {
        misfits.push({
          column,
          expected,
          reason,
          record: (dropped.get(line) ?? Buffer.alloc(0)).toString('base64'),
        });
      }
      input = { ...input, path: next };
    }
  } finally {
    await Promise.all(scratch.map((path) => rm(path, { force: true })));
  }
}

async function convertFile(connection: DuckDBConnection, request: ConvertRequest): Promise<ConvertResult> {
  const { input } = request;
  const delimited =
    input.kind === 'file' && input.format === 'csv'
      ? { ...input, delimiter: await csvDelimiter(input.path) }
      : input;
  const outcome = await tryConvert(connection, { ...request, input: delimited });
  if (outcome.kind === 'written') {
    return {
      ...outcome.written,
      sha256: await sha256(request.output),

      misfits: [],
    };
  }
  if (outcome.kind === 'null_key') throw outcome.error;
  throw input.kind === 'file' ? await fileError(outcome.cause, input.path, input.format) : outcome.error;
}

interface Written {
  readonly rows: number;
  readonly bytes: number;
  readonly greatestOrder: string | undefined;
  readonly nullOrder: boolean;
}

type Outcome =
  | { readonly kind: 'written'; readonly written: Written }
  | { readonly kind: 'null_key'; readonly error: HakiriError }
  | { readonly kind: 'failed'; readonly error: HakiriError; readonly cause: unknown };

/** Writes the part; when a row turns out to have no incremental value, once more, looking back for it. */
async function tryConvert(connection: DuckDBConnection, request: ConvertRequest): Promise<Outcome> {
  const outcome = await attempt(connection, request);
  const metNull =
    outcome.kind === 'failed' &&
    request.order.nulls === 'unexpected' &&
    String(outcome.cause).includes(NULL_ORDER);
  return metNull
    ? attempt(connection, { ...request, order: { ...request.order, nulls: 'expected' } })
    : outcome;
}

async function attempt(connection: DuckDBConnection, request: ConvertRequest): Promise<Outcome> {
  await rm(request.output, { force: true });
  try {
    const reader = await connection.runAndReadAll(convertStatement(request));
    const row = reader.getRowObjectsJson()[0] as
      | {
          count: string;
          file_size_bytes: string;
          column_statistics: { key: string; value: { key: string; value: string }[] }[];
        }
      | undefined;
    const stats = new Map(
      row?.column_statistics.map(({ key, value }) => [key, new Map(value.map((s) => [s.key, s.value]))]) ??
        [],
    );
    const rows = Number(row?.count ?? 0);
    const nullKey = request.primaryKey.find(
      (name) => Number(stats.get(JSON.stringify(name))?.get('null_count') ?? 0) > 0,
    );
    if (nullKey !== undefined) {
      return {
        kind: 'null_key',
        error: new HakiriError('record.null_key', `Rows have no value in the key column ${nullKey}`),
      };
    }
    return {
      kind: 'written',
      written: {
        rows,
        bytes: Number(row?.file_size_bytes ?? 0),
        greatestOrder:
          rows === 0
            ? undefined
            : (exactMax(stats.get('"_hakiri_order"')?.get('max')) ??
              (await greatestOrder(connection, request.output))),
        nullOrder: request.order.nulls === 'expected',
      },
    };
  } catch (cause) {
    return { kind: 'failed', error: mapEngineError(cause, 'engine.failed', 'writing a part'), cause };
  }
}

/** The statistics cut a long text short: only a whole key ends as one. */
function exactMax(max: string | undefined): string | undefined {
  return max !== undefined && /-\d{8}-[0-9A-Z]{26}-\d{10}$/.test(max) ? max : undefined;
}

async function greatestOrder(connection: DuckDBConnection, path: string): Promise<string> {
  const reader = await connection.runAndReadAll(
    `SELECT max(_hakiri_order) FROM read_parquet(${quoteLiteral(path)})`,
  );
  return String(reader.getRows()[0]?.[0]);
}

interface Located {
  readonly line: number;
  readonly column: string | undefined;
  readonly expected: string | undefined;
  readonly reason: Misfit['reason'];
}

/** Which lines made a conversion fail. Empty when the failure was not about any line. */
async function locate(
  connection: DuckDBConnection,
  request: ConvertRequest,
  input: ConvertInput & { kind: 'records' },
  outcome: Exclude<Outcome, { kind: 'written' }>,
): Promise<readonly Located[]> {
  if (outcome.kind === 'failed' && outcome.error.code !== 'engine.failed') return [];
  if (outcome.kind === 'failed') {
    const malformed = await malformedLines(input.path);
    if (malformed.length > 0) {
      return malformed.map((line) => ({ line, column: undefined, expected: undefined, reason: 'malformed' }));
    }
    const misfits = await findMisfits(
      connection,
      input.path,
      input.schema,
      objectSize(input.largestRecordBytes),
    );
    if (misfits.length > 0) return misfits.map((misfit) => ({ ...misfit, reason: 'type' }));
  }
  return bisect(connection, request, input);
}

/** Most lines that are looked for one by one; a transform that fails on more is wrong as a whole. */
const MAX_BISECTED = 1000;

/**
 * Lines whose row fails in a transform or comes out without a key, found by converting ever smaller pieces.
 */
async function bisect(
  connection: DuckDBConnection,
  request: ConvertRequest,
  input: ConvertInput & { kind: 'records' },
): Promise<readonly Located[]> {
  const probe = `${request.output}.probe`;
  const piece = `${request.output}.piece`;
  const located: Located[] = [];
  const total = await countLines(input.path);
  const search = async (from: number, to: number): Promise<void> => {
    const outside = new Set<number>();
    for (let line = 0; line < total; line++) if (line < from || line >= to) outside.add(line);
    await dropLines(input.path, piece, outside);
    const outcome = await tryConvert(connection, {
      ...request,
      output: probe,
      input: { ...input, path: piece },
    });
    if (outcome.kind === 'written') return;
    if (to - from === 1) {
      located.push({
        line: from,
        column: undefined,
        expected: outcome.kind === 'failed' ? engineErrorKind(String(outcome.cause)) : undefined,
        reason: outcome.kind === 'null_key' ? 'null_key' : 'transform',
      });
      if (located.length > MAX_BISECTED) throw outcome.error;
      return;
    }
    const middle = (from + to) >> 1;
    await search(from, middle);
    await search(middle, to);
  };
  try {
    await search(0, total);
  } finally {
    await Promise.all([rm(probe, { force: true }), rm(piece, { force: true })]);
  }
  return located;
}

async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const _ of readLines(path)) count++;
  return count;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

async function fileError(error: unknown, path: string, format: 'csv' | 'parquet'): Promise<HakiriError> {
  const code = format === 'csv' ? 'source.csv_malformed' : 'source.parquet_damaged';
  const mapped = mapEngineError(error, code, `reading ${path}`);
  if (mapped.code === 'store.disk_full' || mapped.code === 'engine.out_of_memory') return mapped;
  if (format === 'parquet') {
    const message = `${path} is cut short or damaged: it is not a whole Parquet file`;
    return new HakiriError(code, message, { cause: error, details: { path } });
  }
  const told = /\bLine: (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  const line = told === undefined ? await brokenLine(path) : Number(told);
  return line === undefined
    ? new HakiriError(code, `${path} is not a CSV file in which every line has the same number of fields`, {
        cause: error,
        hint: 'Correct the file; nothing of it was taken.',
        details: { path },
      })
    : new HakiriError(code, `${path} is broken at line ${line}`, { cause: error, details: { path, line } });
}

async function brokenLine(path: string): Promise<number | undefined> {
  try {
    return await csvBrokenQuote(path, await csvDelimiter(path));
  } catch {
    // It cannot even be read: what the engine said has to do.
    return undefined;
  }
}
