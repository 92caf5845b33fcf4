import { type Answer, HakiriError, type QueryLimits } from '@hakiri/core';
import { commandGrant } from '../command-grant.ts';
import { answerToJson, answerToNdjson } from '../format/answer-json.ts';
import { planLines, sourceLines } from '../format/answer-notes.ts';
import { answerTable } from '../format/answer-table.ts';
import { toCsv } from '../format/csv.ts';
import { formatDuration, plural } from '../format/units.ts';
import { withKnownTables } from '../known-tables.ts';
import type { Output } from '../output.ts';
import { namedTable, type RowsFlags, readRowsRequest, type SearchFlags } from '../rows-request.ts';
import type { Call } from '../services.ts';
import { escapeLines } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
import { withProject } from '../with-project.ts';

export interface QueryFlags extends RowsFlags, SearchFlags {
  readonly cite: boolean;
  readonly explain: boolean;
  readonly asOwner: boolean;
  readonly limit?: number;
  readonly timeout?: number;
  readonly format?: Format;
  readonly project?: string;
  readonly json: boolean;
}

type Format = 'table' | 'csv' | 'json' | 'ndjson';

export async function query({ services, output }: Call, flags: QueryFlags, sql?: string): Promise<undefined> {
  const format = chosenFormat(flags);
  const rows = await readRowsRequest(services, flags, sql);
  const answer = await withProject(services, flags.project, async (project) => {
    const grant = await commandGrant(services, project, flags);
    const serve = await project.serve();
    return withKnownTables(serve, grant, namedTable(rows), () =>
      serve.query({ ...rows, ...limits(flags) }, grant),
    );
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
      hint: 'Select fewer columns, add a filter or a LIMIT, or write it to a file: `hakiri export`.',
    },
  );
}

function chosenFormat(flags: QueryFlags): Format {
  const { format } = flags;
  if ((flags.cite || flags.explain) && (format === 'csv' || format === 'ndjson')) {
    throw new HakiriError(
      'usage.argument',
      `--${flags.cite ? 'cite' : 'explain'} has no place in ${format}`,
      {
        hint: 'Use --format table or --json.',
      },
    );
  }
  if (!flags.json) return format ?? 'table';
  if (flags.format === undefined || flags.format === 'json') return 'json';
  throw new HakiriError('usage.argument', `--json and --format ${flags.format} contradict each other`, {
    hint: 'Give one of them.',
  });
}

function limits({ limit, timeout, cite, explain }: QueryFlags): QueryLimits {
  return {
    once: true,
    ...(cite ? { cite } : {}),
    ...(explain ? { explain } : {}),
    ...(limit === undefined ? {} : { limit }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  };
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
  const notes = [...sourceLines(answer), ...planLines(answer)];
  out.write([...lines, ...notes].map((line) => `${line}\n`).join(''));
  if (hiddenColumns === 0) return;
  err.line(`${plural(hiddenColumns, 'more column')} did not fit: select fewer, or use --format ndjson.`);
}
