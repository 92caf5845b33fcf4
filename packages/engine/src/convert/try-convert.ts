import { rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { HakiriError, quoteLiteral } from '@hakiri/core';
import { mapEngineError } from '../child/map-error.ts';
import type { ConvertRequest } from '../protocol.ts';
import { convertStatement, NULL_ORDER } from './convert-statement.ts';
import { shortBounds, shortOrder } from './short-bounds.ts';

export interface Written {
  readonly rows: number;
  readonly bytes: number;
  readonly keyRange: readonly [string, string] | null;
  readonly leastOrder: string | undefined;
  readonly greatestOrder: string | undefined;
  readonly nullOrder: boolean;
}

export type Outcome =
  | { readonly kind: 'written'; readonly written: Written }
  | { readonly kind: 'null_key'; readonly error: HakiriError }
  | { readonly kind: 'failed'; readonly error: HakiriError; readonly cause: unknown };

/** Writes the part; when a row turns out to have no incremental value, once more, looking back for it. */
export async function tryConvert(connection: DuckDBConnection, request: ConvertRequest): Promise<Outcome> {
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
        keyRange: keyBounds(stats, request.primaryKey[0]),
        leastOrder: shortOrder(stats.get('"_hakiri_order"')?.get('min')),
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

type Statistics = ReadonlyMap<string, ReadonlyMap<string, string>>;

function keyBounds(stats: Statistics, column: string | undefined): readonly [string, string] | null {
  const found = column === undefined ? undefined : stats.get(JSON.stringify(column));
  return shortBounds({ min: found?.get('min'), max: found?.get('max') });
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
