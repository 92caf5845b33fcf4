import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Answer,
  HakiriError,
  OWNER_GRANT,
  type QueryLimits,
  type QueryRequest,
  type Serve,
  type StructuredRequest,
} from '@hakiri/core';
import { answerToJson, answerToNdjson } from '../format/answer-json.ts';
import { answerTable } from '../format/answer-table.ts';
import { toCsv } from '../format/csv.ts';
import { formatDuration, plural } from '../format/units.ts';
import type { Output } from '../output.ts';
import type { Call, Services } from '../services.ts';
import { escapeLines } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
import { unknownName } from '../unknown-name.ts';
import { withProject } from '../with-project.ts';

export interface QueryFlags {
  readonly file?: string;
  readonly table?: string;
  readonly select?: readonly string[];
  readonly filter?: string;
  readonly orderBy?: readonly string[];
  readonly limit?: number;
  readonly timeout?: number;
  readonly format?: Format;
  readonly project?: string;
  readonly json: boolean;
}

type Format = 'table' | 'csv' | 'json' | 'ndjson';

export async function query({ services, output }: Call, flags: QueryFlags, sql?: string): Promise<undefined> {
  const format = chosenFormat(flags);
  const request = await readRequest(services, flags, sql);
  const answer = await withProject(services, flags.project, async (project) => {
    const serve = await project.serve();
    if ('table' in request) await requireTable(serve, request.table);
    return serve.query(request, OWNER_GRANT);
  });
  printAnswer(answer, format, output);
  if (!flags.json)
    output.err.line(`${plural(answer.rows.length, 'row')} in ${formatDuration(answer.elapsedMs)}`);
  if (answer.truncated === 'bytes') throw tooLarge(answer);
  if (answer.truncated === 'rows' && !flags.json) {
    const warning = 'There is more: the answer was cut at its limit. Raise --limit, or narrow the query.';
    output.err.line(paint(output.err, 'yellow', warning));
  }
}

/** Nobody asked for that limit, so a script must not take the beginning for the whole. */
function tooLarge({ rows }: Answer): HakiriError {
  return new HakiriError(
    'query.too_large',
    `The answer is larger than its limit: the ${plural(rows.length, 'row')} printed are only its beginning`,
    {
      hint: 'Select fewer columns, add a filter or a LIMIT, or read the Parquet itself: docs/store-layout.md.',
    },
  );
}

function chosenFormat(flags: QueryFlags): Format {
  if (!flags.json) return flags.format ?? 'table';
  if (flags.format === undefined || flags.format === 'json') return 'json';
  throw new HakiriError('usage.argument', `--json and --format ${flags.format} contradict each other`, {
    hint: 'Give one of them.',
  });
}

async function readRequest(
  services: Services,
  flags: QueryFlags,
  sql: string | undefined,
): Promise<QueryRequest> {
  const sources = [sql, flags.file, flags.table].filter((source) => source !== undefined);
  if (sources.length !== 1) {
    throw new HakiriError(
      'usage.argument',
      sources.length === 0 ? 'there is no query' : 'there is more than one query',
      { hint: 'Give one of: SQL as an argument, - for standard input, --file FILE, --table TABLE.' },
    );
  }
  if (flags.table !== undefined) return { ...structured(flags.table, flags), ...limits(flags) };
  if (flags.select !== undefined || flags.filter !== undefined || flags.orderBy !== undefined) {
    throw new HakiriError(
      'usage.argument',
      '--select, --filter and --order-by go with --table, not with SQL',
      {
        hint: 'Write them into the SQL.',
      },
    );
  }
  return { sql: await readSql(services, flags.file, sql), ...limits(flags) };
}

function structured(table: string, { select, filter, orderBy }: QueryFlags): StructuredRequest {
  return {
    table,
    ...(select === undefined ? {} : { select: select.map((column) => column.trim()) }),
    ...(filter === undefined ? {} : { filter }),
    ...(orderBy === undefined ? {} : { orderBy: orderBy.map((column) => column.trim()) }),
  };
}

function limits({ limit, timeout }: QueryFlags): QueryLimits {
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
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

async function requireTable(serve: Serve, table: string): Promise<void> {
  const known = (await serve.tables(OWNER_GRANT)).map(({ name }) => name);
  if (!known.includes(table)) throw unknownName('table', table, known, { code: 'query.unknown_table' });
}

function printAnswer(answer: Answer, format: Format, output: Output): void {
  switch (format) {
    case 'json':
      output.out.line(answerToJson(answer));
      return;
    case 'ndjson':
      output.out.write(answerToNdjson(answer));
      return;
    case 'csv':
      output.out.write(csvFor(answer, output));
      return;
    case 'table':
      printTable(answer, output);
  }
}

/** A file gets the values as they are; a terminal must not be driven by them. */
function csvFor(answer: Answer, { out }: Output): string {
  const csv = toCsv(answer);
  return out.isTerminal ? escapeLines(csv.replaceAll('\r\n', '\n')) : csv;
}

function printTable(answer: Answer, { out, err }: Output): void {
  const { lines, hiddenColumns } = answerTable(answer, out);
  out.write(lines.map((line) => `${line}\n`).join(''));
  if (hiddenColumns === 0) return;
  err.line(`${plural(hiddenColumns, 'more column')} did not fit: select fewer, or use --format ndjson.`);
}
