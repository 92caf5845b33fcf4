import { buildCommand } from '@stricli/core';
import type { ExportFlags } from '../commands/export.ts';
import { type CliContext, lazily } from '../context.ts';
import { parseDuration, parseMoment } from '../flag-values.ts';
import { asOwnerFlag, jsonFlag, projectFlag } from './common-flags.ts';
import { proposeTables } from './propose.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;
const list = { ...text, variadic: ',' } as const;

export const exportRoute = buildCommand<ExportFlags, [], CliContext>({
  loader: lazily(async () => (await import('../commands/export.ts')).exportStore),
  parameters: {
    flags: {
      output: { ...text, placeholder: 'FILE', brief: 'Where to; - or nothing is standard output' },
      table: {
        ...list,
        placeholder: 'TABLE',
        brief: 'Tables to export; all when not given',
        proposeCompletions: proposeTables,
      },
      query: { ...text, placeholder: 'SQL', brief: 'Rows of a SELECT; - reads it from standard input' },
      file: { ...text, placeholder: 'FILE', brief: 'Rows of a SELECT in a file' },
      select: { ...list, placeholder: 'COLUMNS', brief: 'Columns of the rows, with one --table' },
      filter: { ...text, placeholder: 'PREDICATE', brief: 'Which rows, with one --table' },
      orderBy: { ...list, placeholder: 'COLUMNS', brief: 'Their order, with one --table' },
      format: {
        kind: 'enum',
        values: ['parquet', 'csv', 'ndjson'],
        optional: true,
        brief: 'Format of the rows, where the ending of FILE does not say it',
      },
      asOf: {
        kind: 'parsed',
        parse: parseMoment,
        optional: true,
        placeholder: 'TIME|RUN',
        brief: 'Rows as they were at a time (UTC), or once a run was committed',
      },
      timeout: {
        kind: 'parsed',
        parse: parseDuration,
        optional: true,
        placeholder: 'TIME',
        brief: 'Stop the query after this time; it may take as long as it likes when not given',
      },
      force: { kind: 'boolean', default: false, withNegated: false, brief: 'Replace FILE if it exists' },
      asOwner: asOwnerFlag,
      project: projectFlag,
      json: jsonFlag,
    },
  },
  docs: {
    brief: 'Write tables, or the rows of a query, to a file that opens anywhere',
    customUsage: [
      '--output FILE.tar [--table TABLES]',
      '--query SQL --output FILE.parquet|FILE.csv|FILE.ndjson [--as-of TIME|RUN]',
      '--table TABLE [--select COLUMNS] [--filter PREDICATE] --format parquet|csv|ndjson',
    ],
    fullDescription: [
      'Without a query or a format, a tar with the tables as they are now: Parquet, manifests, and views that the',
      'duckdb CLI runs from the unpacked folder. Otherwise the rows of one SELECT, whatever their number.',
      '',
      'EXAMPLES',
      '  hakiri export --output store.tar',
      '  hakiri export --table github_issues --filter "state = \'open\'" --output open.parquet',
      '  hakiri export --query "select id, title from github_issues" --format csv | gzip > issues.csv.gz',
    ].join('\n'),
  },
});
