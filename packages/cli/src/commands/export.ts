import { createReadStream, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import {
  EXIT,
  type Exported,
  type ExportFormat,
  type Grant,
  HakiriError,
  type RowsExport,
  type Serve,
} from '@hakiri/core';
import { commandGrant } from '../command-grant.ts';
import { makeFile, withCacheFile } from '../export-file.ts';
import { jsonDocument } from '../format/json.ts';
import { formatBytes, formatDuration, plural } from '../format/units.ts';
import { withKnownTables } from '../known-tables.ts';
import { namedTable, type RowsFlags, readRowsRequest } from '../rows-request.ts';
import type { Call, Services } from '../services.ts';
import { withProject } from '../with-project.ts';

export interface ExportFlags extends Omit<RowsFlags, 'table'> {
  readonly query?: string;
  readonly table?: readonly string[];
  readonly format?: ExportFormat;
  readonly output?: string;
  readonly timeout?: number;
  readonly force: boolean;
  readonly asOwner: boolean;
  readonly project?: string;
  readonly json: boolean;
}

/** Where an export goes: a file, or standard output. */
type Target = { readonly path: string } | 'stdout';

/** What is being made, for a second Ctrl-C that waits for nothing. */
interface Making {
  readonly signal: AbortSignal;
  readonly onTemporary: (path: string) => void;
}

export async function exportStore(call: Call, flags: ExportFlags): Promise<undefined> {
  const { services, output } = call;
  const target = targetOf(call, flags);
  const rows = await rowsOf(services, flags, target);
  const started = performance.now();
  const exported = await withProject(services, flags.project, async (project) => {
    const grant = await commandGrant(services, project, flags);
    const serve = await project.serve();
    return interruptible(services, (making) =>
      rows === undefined
        ? exportArchive(serve, services, flags, { grant, target, making })
        : exportRows(serve, services, rows, {
            grant,
            target,
            making,
            replace: flags.force,
            cache: join(project.folder, '.hakiri', 'cache'),
          }),
    );
  });
  if (flags.json) {
    const format = rows?.format ?? 'tar';
    output.out.line(
      jsonDocument({ output: target === 'stdout' ? undefined : target.path, format, ...exported }),
    );
    return;
  }
  const what = exported.rows === undefined ? plural(exported.files, 'file') : plural(exported.rows, 'row');
  const where = target === 'stdout' ? '' : ` to ${target.path}`;
  const took = formatDuration(performance.now() - started);
  output.err.line(`wrote ${what}, ${formatBytes(exported.bytes)}${where} in ${took}`);
}

function targetOf({ services, output }: Call, { output: named, json }: ExportFlags): Target {
  if (named !== undefined && named !== '-') return { path: resolve(services.cwd, named) };
  if (json) {
    throw new HakiriError('usage.argument', 'with --json standard output is for the report', {
      hint: 'Give --output FILE.',
    });
  }
  if (output.out.isTerminal) {
    throw new HakiriError('usage.argument', 'a terminal is no place for an export', {
      hint: 'Give --output FILE, or send standard output somewhere else.',
    });
  }
  return 'stdout';
}

type Rows = Pick<RowsExport, 'rows' | 'format' | 'timeoutMs'>;

/** Undefined where whole tables are asked for. */
async function rowsOf(services: Services, flags: ExportFlags, target: Target): Promise<Rows | undefined> {
  const { query, file, table, select, filter, orderBy, asOf, timeout } = flags;
  const format = flags.format ?? formatOf(target);
  const asked = [query, file, select, filter, orderBy, asOf, flags.format].some((flag) => flag !== undefined);
  if (!asked && format === undefined) return undefined;
  if (format === undefined) {
    throw new HakiriError('usage.argument', 'it is not said in which format the rows are to be', {
      hint: 'Give --format parquet, csv or ndjson, or an --output that ends so. Without --query and --filter whole tables are exported.',
    });
  }
  if (table !== undefined && table.length > 1) {
    throw new HakiriError('usage.argument', 'rows come from one table', {
      hint: 'Join tables in SQL with --query, or leave the format out to export them whole.',
    });
  }
  const [only] = table ?? [];
  const rows = await readRowsRequest(
    services,
    {
      ...(file === undefined ? {} : { file }),
      ...(only === undefined ? {} : { table: only }),
      ...(select === undefined ? {} : { select }),
      ...(filter === undefined ? {} : { filter }),
      ...(orderBy === undefined ? {} : { orderBy }),
      ...(asOf === undefined ? {} : { asOf }),
    },
    query,
  );
  return { rows, format, ...(timeout === undefined ? {} : { timeoutMs: timeout }) };
}

const ENDINGS: Readonly<Record<string, ExportFormat>> = {
  '.parquet': 'parquet',
  '.csv': 'csv',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
};

function formatOf(target: Target): ExportFormat | undefined {
  return target === 'stdout' ? undefined : ENDINGS[extname(target.path).toLowerCase()];
}

async function exportRows(
  serve: Serve,
  services: Services,
  rows: Rows,
  how: {
    readonly grant: Grant;
    readonly target: Target;
    readonly making: Making;
    readonly replace: boolean;
    readonly cache: string;
  },
): Promise<Exported> {
  const { grant, target, making, replace, cache } = how;
  const write = (path: string): Promise<Exported> =>
    withKnownTables(serve, grant, namedTable(rows.rows), () =>
      serve.export({ kind: 'rows', ...rows, output: path, signal: making.signal }, grant),
    );
  if (target !== 'stdout') return makeFile(target.path, { ...making, replace }, write);
  return withCacheFile(cache, making, async (path) => {
    const exported = await write(path);
    await toStdout(services, createReadStream(path), making.signal);
    return exported;
  });
}

async function exportArchive(
  serve: Serve,
  services: Services,
  { table: tables, force }: ExportFlags,
  { grant, target, making }: { readonly grant: Grant; readonly target: Target; readonly making: Making },
): Promise<Exported> {
  const archive = (write: (bytes: Uint8Array) => Promise<void>): Promise<Exported> =>
    withKnownTables(serve, grant, tables ?? [], () =>
      serve.export(
        { kind: 'archive', ...(tables === undefined ? {} : { tables }), write, signal: making.signal },
        grant,
      ),
    );
  if (target === 'stdout') return archive((bytes) => writeOut(services, bytes));
  return makeFile(target.path, { ...making, replace: force }, async (path) => {
    const file = await open(path, 'w');
    try {
      return await archive((bytes) => file.writeFile(bytes));
    } finally {
      await file.close();
    }
  });
}

async function toStdout(
  services: Services,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of chunks) {
    if (signal.aborted) throw new HakiriError('interrupted', 'The export was stopped');
    await writeOut(services, chunk);
  }
}

/** A reader that has seen enough closes the pipe: there is nobody to make the rest for. */
async function writeOut(services: Services, bytes: Uint8Array): Promise<void> {
  try {
    await services.writeBytes(bytes);
  } catch (cause) {
    throw new HakiriError('interrupted', 'standard output was closed before everything was written', {
      hint: 'Read it to its end, or give --output FILE.',
      cause,
    });
  }
}

/** The first Ctrl-C ends the export and removes what was begun, the second does not wait for the engine. */
async function interruptible<T>(services: Services, work: (making: Making) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  let temporary: string | undefined;
  const unsubscribe = services.onInterrupt(() => {
    if (!stop.signal.aborted) {
      stop.abort(new HakiriError('interrupted', 'The export was stopped'));
      return;
    }
    if (temporary !== undefined) rmSync(temporary, { force: true });
    services.exitNow(EXIT.interrupted);
  });
  try {
    return await work({
      signal: stop.signal,
      onTemporary: (path) => {
        temporary = path;
      },
    });
  } finally {
    unsubscribe();
  }
}
