import {
  AS_OWNER_GRANT,
  EXIT,
  HakiriError,
  type JsonValue,
  type TableDescription,
  type TableName,
} from '@hakiri/core';
import type { ForgetReport, ForgetRequest } from '@hakiri/store';
import { requireOwner } from '../command-grant.ts';
import { countRowsToForget, type RowsToForget } from '../count-rows-to-forget.ts';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount, plural } from '../format/units.ts';
import type { Output } from '../output.ts';
import type { Call, Project, Services } from '../services.ts';
import { unknownName } from '../unknown-name.ts';
import { withProject } from '../with-project.ts';

export interface ForgetFlags {
  readonly subject?: string;
  readonly table?: string;
  readonly key?: readonly string[];
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Milliseconds. */
  readonly wait: number;
  readonly project?: string;
  readonly json: boolean;
}

/** What was asked for on the command line, or on standard input. */
type Asked = { readonly subject: string } | { readonly table: string; readonly keys: readonly string[] };

/** The value that is forgotten appears in no output, no error and no lock. */
export async function forget(call: Call, flags: ForgetFlags): Promise<undefined> {
  const { services, output } = call;
  requireOwner(services);
  const asked = await readAsked(services, flags);
  await withProject(services, flags.project, async (project) => {
    const serve = await project.serve();
    const known = (await serve.tables(AS_OWNER_GRANT)).map(({ name }) => name);
    if ('table' in asked && !known.includes(asked.table)) {
      throw unknownName('table', asked.table, known, { code: 'query.unknown_table' });
    }
    const looked = 'table' in asked ? [asked.table] : known;
    const tables: TableDescription[] = [];
    for (const name of looked) tables.push(await serve.describe(name, AS_OWNER_GRANT));
    const request = await requestOf(asked, tables, project);
    if ('subject' in request) requireSubjects(tables);
    if (flags.dryRun || !flags.yes) {
      const counted = await countRowsToForget(serve, tables, request);
      if (flags.dryRun) {
        printCounted(counted, flags, output);
        return;
      }
      printCounted(counted, { json: false }, { ...output, out: output.err });
      if (!(await agrees(services))) {
        output.err.line('Nothing was changed.');
        return;
      }
    }
    const kill = new AbortController();
    const unsubscribe = services.onInterrupt(() => {
      kill.abort();
      services.exitNow(EXIT.interrupted);
    });
    const note = (message: string): void => {
      if (!flags.json) output.err.line(message);
    };
    try {
      const report = await project.forget(request, {
        tables: tables.map(({ name }) => name as TableName),
        waitMs: flags.wait,
        onTable: (table) => note(`looking through ${table}`),
        onNote: note,
        kill: kill.signal,
      });
      printReport(report, flags, output);
    } finally {
      unsubscribe();
    }
  });
}

async function readAsked(
  services: Services,
  { subject, table, key, yes, dryRun }: ForgetFlags,
): Promise<Asked> {
  const bySubject = subject !== undefined;
  if (
    bySubject === (table !== undefined || key !== undefined) ||
    (table === undefined) !== (key === undefined)
  ) {
    throw new HakiriError('usage.argument', 'it is not clear what to forget', {
      hint: 'Give --subject VALUE, or --table TABLE with --key KEY.',
    });
  }
  const fromStdin = subject === '-' || key?.includes('-') === true;
  if (fromStdin && !yes && !dryRun) {
    throw new HakiriError('usage.argument', 'nobody can be asked while standard input holds the value', {
      hint: 'Look at it with --dry-run first, then give --yes.',
    });
  }
  const lines = fromStdin ? (await services.readStdin()).replace(/\r?\n$/, '') : '';
  const asked: Asked =
    subject !== undefined
      ? { subject: subject === '-' ? lines : subject }
      : {
          table: table ?? '',
          keys: (key ?? []).flatMap((text) => (text === '-' ? lines.split(/\r?\n/) : [text])),
        };
  const isEmpty = 'subject' in asked ? asked.subject === '' : asked.keys.some((text) => text === '');
  if (isEmpty)
    throw new HakiriError('usage.argument', 'the value is empty', { hint: 'Nothing has that value.' });
  return asked;
}

async function requestOf(
  asked: Asked,
  [table]: readonly TableDescription[],
  project: Project,
): Promise<ForgetRequest> {
  if ('subject' in asked) return { ...asked, pseudonyms: await project.pseudonymsOf(asked.subject) };
  const columns = table?.primaryKey ?? [];
  return {
    table: asked.table as TableName,
    keys: asked.keys.map((text) => (columns.length > 1 ? parseKey(text, columns) : [text])),
  };
}

function parseKey(text: string, columns: readonly string[]): readonly JsonValue[] {
  try {
    const values: unknown = JSON.parse(text);
    if (Array.isArray(values) && values.length === columns.length) return values as JsonValue[];
  } catch {
    // Told below, without the text.
  }
  throw new HakiriError('usage.argument', `a key has ${columns.length} columns: ${columns.join(', ')}`, {
    hint: 'Write it as a JSON array: --key \'["eu", 4711]\'.',
  });
}

function requireSubjects(tables: readonly TableDescription[]): void {
  if (tables.some(({ subjectColumns }) => subjectColumns.length > 0)) return;
  throw new HakiriError('usage.argument', 'no table says whom its rows are about', {
    hint: 'Set subject_columns in the manifest and run once, or forget by --table and --key.',
  });
}

/** @throws HakiriError usage.argument off a terminal: nobody can be asked there */
async function agrees(services: Services): Promise<boolean> {
  const answer = await services.confirm('Delete them for good, from every file and from the past?');
  if (answer !== undefined) return answer;
  throw new HakiriError('usage.argument', 'there is no terminal to ask on', {
    hint: 'Look at it with --dry-run first, then give --yes.',
  });
}

function printCounted(
  counted: readonly RowsToForget[],
  { json }: { readonly json: boolean },
  { out }: Pick<Output, 'out'>,
): void {
  if (json) {
    out.line(jsonDocument({ dryRun: true, tables: counted }));
    return;
  }
  for (const { table, rows } of counted)
    out.line(`${table}: ${plural(rows, 'row')}, and older versions of them`);
}

function printReport(report: ForgetReport, { json }: ForgetFlags, { out, err }: Output): void {
  if (json) {
    out.line(jsonDocument(report));
    return;
  }
  const touched = report.tables.filter(({ rows, files }) => rows + files > 0);
  if (touched.length === 0) err.line('No row was there to forget. None will come in from now on.');
  else {
    const { lines } = textTable(
      [
        { title: 'table', align: 'left' },
        { title: 'rows deleted', align: 'right' },
        { title: 'files rewritten', align: 'right' },
      ],
      touched.map(({ table, rows, files }) => [table, formatCount(rows), formatCount(files)]),
    );
    for (const line of lines) out.line(line);
  }
  const { files, bytes } = report.proof;
  err.line(`Read back ${plural(files, 'file')}, ${formatBytes(bytes)}: nothing of it is left.`);
  for (const { table, column, rows } of report.mentions) {
    err.line(
      `Still mentioned in ${table}.${column}, in ${plural(rows, 'row')} about others: left as they are.`,
    );
  }
}
