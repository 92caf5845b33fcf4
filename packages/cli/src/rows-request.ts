import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type AsOf,
  HakiriError,
  OWNER_GRANT,
  type RowsRequest,
  type Serve,
  type StructuredRequest,
} from '@hakiri/core';
import type { Services } from './services.ts';
import { unknownName } from './unknown-name.ts';

/** How `query` and `export` are told which rows. */
export interface RowsFlags {
  readonly file?: string;
  readonly table?: string;
  readonly select?: readonly string[];
  readonly filter?: string;
  readonly orderBy?: readonly string[];
  readonly asOf?: AsOf;
}

/** @throws HakiriError usage.argument */
export async function readRowsRequest(
  services: Services,
  flags: RowsFlags,
  sql: string | undefined,
): Promise<RowsRequest> {
  const sources = [sql, flags.file, flags.table].filter((source) => source !== undefined);
  if (sources.length !== 1) {
    throw new HakiriError(
      'usage.argument',
      sources.length === 0 ? 'there is no query' : 'there is more than one query',
      { hint: 'Give one of: SQL as an argument, - for standard input, --file FILE, --table TABLE.' },
    );
  }
  const at = flags.asOf === undefined ? {} : { asOf: flags.asOf };
  if (flags.table !== undefined) return { ...structured(flags.table, flags), ...at };
  if (flags.select !== undefined || flags.filter !== undefined || flags.orderBy !== undefined) {
    throw new HakiriError(
      'usage.argument',
      '--select, --filter and --order-by go with --table, not with SQL',
      {
        hint: 'Write them into the SQL.',
      },
    );
  }
  return { sql: await readSql(services, flags.file, sql), ...at };
}

/** A misspelt table is told before anything is asked of the engine. */
export async function requireTable(serve: Serve, request: RowsRequest): Promise<void> {
  if (!('table' in request)) return;
  const known = (await serve.tables(OWNER_GRANT)).map(({ name }) => name);
  if (!known.includes(request.table)) {
    throw unknownName('table', request.table, known, { code: 'query.unknown_table' });
  }
}

function structured(table: string, { select, filter, orderBy }: RowsFlags): StructuredRequest {
  return {
    table,
    ...(select === undefined ? {} : { select: select.map((column) => column.trim()) }),
    ...(filter === undefined ? {} : { filter }),
    ...(orderBy === undefined ? {} : { orderBy: orderBy.map((column) => column.trim()) }),
  };
}

async function readSql(
  services: Services,
  file: string | undefined,
  sql: string | undefined,
): Promise<string> {
  const text =
    file === undefined
      ? sql === '-'
        ? await services.readStdin()
        : sql
      : await readQueryFile(services, file);
  if (text === undefined || text.trim() === '') {
    throw new HakiriError('usage.argument', 'the query is empty', { hint: 'Give a SELECT.' });
  }
  return text;
}

async function readQueryFile(services: Services, file: string): Promise<string> {
  const path = resolve(services.cwd, file);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new HakiriError('usage.argument', `${path} cannot be read`, {
      hint: 'Check the path and its permissions.',
      cause,
      details: { path },
    });
  }
}
