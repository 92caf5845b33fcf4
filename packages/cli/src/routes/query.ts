import { buildCommand } from '@stricli/core';
import type { QueryFlags } from '../commands/query.ts';
import { type CliContext, lazily } from '../context.ts';
import { parseCount, parseDuration, parseMoment } from '../flag-values.ts';
import { asOwnerFlag, jsonFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;
const list = { ...text, variadic: ',' } as const;

export const queryRoute = buildCommand<QueryFlags, [sql?: string], CliContext>({
  loader: lazily(async () => (await import('../commands/query.ts')).query),
  parameters: {
    flags: {
      file: { ...text, placeholder: 'FILE', brief: 'Read the SQL from a file' },
      table: {
        ...text,
        placeholder: 'TABLE',
        brief: 'Query a table without SQL',
        proposeCompletions: proposeTables,
      },
      select: {
        ...list,
        placeholder: 'COLUMNS',
        brief: 'Columns to show, with --table; dots reach into structs',
      },
      filter: { ...text, placeholder: 'PREDICATE', brief: 'Rows to show, with --table' },
      orderBy: { ...list, placeholder: 'COLUMNS', brief: 'Order, with --table: "column" or "column desc"' },
      search: { ...text, placeholder: 'TEXT', brief: 'Look for this in a table that has indexes' },
      in: {
        ...text,
        placeholder: 'TABLE',
        brief: 'The table to search; with SQL, what is found is its relation hits',
        proposeCompletions: proposeTables,
      },
      mode: {
        kind: 'enum',
        values: ['hybrid', 'keyword', 'vector'],
        optional: true,
        brief: 'By words, by meaning, or both; as the table has indexes when not given',
      },
      top: {
        kind: 'parsed',
        parse: parseCount,
        optional: true,
        placeholder: 'N',
        brief: 'Find N rows, 1 to 1000; 10 when not given',
      },
      index: { ...list, placeholder: 'INDEXES', brief: 'Search in these indexes only' },
      asOf: {
        kind: 'parsed',
        parse: parseMoment,
        optional: true,
        placeholder: 'TIME|RUN',
        brief: 'The tables as they were at a time (UTC), or once a run was committed',
      },
      limit: { kind: 'parsed', parse: parseCount, optional: true, placeholder: 'N', brief: 'At most N rows' },
      timeout: {
        kind: 'parsed',
        parse: parseDuration,
        optional: true,
        placeholder: 'TIME',
        brief: 'Stop the query after this time',
      },
      cite: { kind: 'boolean', default: false, withNegated: false, brief: 'Say where each row comes from' },
      explain: { kind: 'boolean', default: false, withNegated: false, brief: 'Say how the rows were found' },
      format: {
        kind: 'enum',
        values: ['table', 'csv', 'json', 'ndjson'],
        optional: true,
        brief: 'How to print the rows; table when not given',
      },
      asOwner: asOwnerFlag,
      project: projectFlag,
      json: { ...jsonFlag, brief: 'Same as --format json, and errors as JSON' },
    },
    aliases: { k: 'top' },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: String,
          optional: true,
          placeholder: 'SQL',
          brief: 'A SELECT; - reads it from standard input',
        },
      ],
    },
  },
  docs: {
    brief: 'Query the store',
    customUsage: [
      'SQL [--as-of TIME|RUN] [--limit N] [--format table|csv|json|ndjson]',
      '--table TABLE [--select COLUMNS] [--filter PREDICATE] [--order-by COLUMNS]',
      '--search TEXT --in TABLE [--mode hybrid|keyword|vector] [-k N] [--filter PREDICATE] [SQL]',
      '--file FILE',
    ],
    fullDescription: [
      "Prints the rows of one SELECT over the store's tables.",
      '',
      'EXAMPLES',
      '  hakiri query "select state, count(*) from github_issues group by all"',
      '  hakiri query --table github_issues --select title,user.login --filter "state = \'open\'" --limit 10',
      '  hakiri query --search "crash while reading parquet" --in github_issues --select title,_score --cite',
      '  hakiri query --format csv --file report.sql > report.csv',
      '  hakiri query --as-of 2026-11-01T00:00:00Z "select count(*) from github_issues"',
      '  echo "from github_issues limit 3" | hakiri query - --json',
    ].join('\n'),
  },
});
