import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type AsOf,
  HakiriError,
  type RowsRequest,
  type SearchClause,
  type SearchMode,
  type StructuredRequest,
} from '@hakiri/core';
import type { Services } from './services.ts';

/** How `query` and `export` are told which rows. */
export interface RowsFlags {
  readonly file?: string;
  readonly table?: string;
  readonly select?: readonly string[];
  readonly filter?: string;
  readonly orderBy?: readonly string[];
  readonly asOf?: AsOf;
}

/** How `query` is told what to look for. */
export interface SearchFlags {
  readonly search?: string;
  /** Table to search in. */
  readonly in?: string;
  readonly mode?: SearchMode;
  /** Rows to find. */
  readonly top?: number;
  readonly index?: readonly string[];
}

/** What a SELECT calls what `--search` found. */
const HITS = 'hits';

/** @throws HakiriError usage.argument */
export async function readRowsRequest(
  services: Services,
  flags: RowsFlags & SearchFlags,
  sql: string | undefined,
): Promise<RowsRequest> {
  const { search, table } = searchOf(flags);
  const sources = [sql, flags.file, table].filter((source) => source !== undefined);
  const isSearchOfSql = search !== undefined && (sql ?? flags.file) !== undefined;
  if (sources.length !== (isSearchOfSql ? 2 : 1)) {
    throw new HakiriError(
      'usage.argument',
      sources.length === 0 ? 'there is no query' : 'there is more than one query',
      { hint: 'Give one of: SQL as an argument, - for standard input, --file FILE, --table TABLE.' },
    );
  }
  const at = flags.asOf === undefined ? {} : { asOf: flags.asOf };
  if (table !== undefined && !isSearchOfSql) {
    return { ...structured(table, flags), ...(search === undefined ? {} : { search }), ...at };
  }
  const isFiltered = flags.filter !== undefined && !isSearchOfSql;
  if (flags.select !== undefined || isFiltered || flags.orderBy !== undefined) {
    throw new HakiriError(
      'usage.argument',
      '--select, --filter and --order-by go with --table, not with SQL',
      {
        hint: 'Write them into the SQL.',
      },
    );
  }
  const text = await readSql(services, flags.file, sql);
  if (search === undefined || table === undefined) return { sql: text, ...at };
  const { filter } = flags;
  const named = { table, ...search, ...(filter === undefined ? {} : { filter }) };
  return { sql: text, search: { [HITS]: named }, ...at };
}

/** The search that the flags ask for, and its table. @throws HakiriError usage.argument */
function searchOf(flags: RowsFlags & SearchFlags): {
  readonly search: SearchClause | undefined;
  readonly table: string | undefined;
} {
  const { search: text, mode, top, index } = flags;
  if (text === undefined) {
    const alone = (['in', 'mode', 'top', 'index'] as const).find((flag) => flags[flag] !== undefined);
    if (alone === undefined) return { search: undefined, table: flags.table };
    throw new HakiriError('usage.argument', `--${alone} goes with --search`, {
      hint: 'Say what to look for.',
    });
  }
  const table = flags.in ?? flags.table;
  if (table === undefined || (flags.in !== undefined && flags.table !== undefined)) {
    throw new HakiriError('usage.argument', '--search needs one table to search in', {
      hint: 'Name it: --in TABLE.',
    });
  }
  const search = {
    text,
    ...(mode === undefined ? {} : { mode }),
    ...(top === undefined ? {} : { k: top }),
    ...(index === undefined ? {} : { indexes: index.map((name) => name.trim()) }),
  };
  return { search, table };
}

/** The table that a request names outside of SQL. */
export function namedTable(request: RowsRequest): readonly string[] {
  return 'table' in request ? [request.table] : [];
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
