import type { Batch, PullProgress, PullRequest, Source, SourceWarning, TableInfo } from '@hakiri/core';
import { parseConfig } from '../toolkit/parse-config.ts';
import { recordLimit, type SourceContext } from '../toolkit/source-context.ts';
import { unknownTable } from '../toolkit/unknown-table.ts';
import { type FileConfig, fileConfigSchema } from './config.ts';
import { decodeTakenFiles, encodeTakenFiles, type TakenFiles } from './cursor.ts';
import { fileFormat } from './file-format.ts';
import { describeFile, type FoundFile, findFiles } from './find-files.ts';
import { hashFile, readRecords } from './read-file.ts';

/** Files on this machine, each taken once for each content it has. Throws source.config. */
export function createFileSource(config: unknown, context: SourceContext): Source {
  const parsed = parseConfig(fileConfigSchema, config, 'file');
  const tables = describeFileTables(parsed, context);
  const patterns = [parsed.path].flat();
  const find = () => findFiles(patterns, context.projectFolder);
  return {
    discover: async () => tables,
    schema: async () => undefined,
    async *pull(request) {
      refuseUnknown(request.table, tables);
      yield* pullFiles(await find(), parsed, context, request);
    },
    commitCursor: async () => {},
    async estimate(request) {
      refuseUnknown(request.table, tables);
      const taken = decodeTakenFiles(request.cursor) ?? {};
      const changed = (await find()).filter((file) => !sameStat(file, taken[file.name]));
      const bytes = changed.reduce((sum, file) => sum + file.sizeBytes, 0);
      const sample = await firstBatch(pullFiles(changed.slice(0, 1), parsed, context, request));
      return { files: changed.length, bytes, ...(sample === undefined ? {} : { sample }) };
    },
    close: async () => {},
  };
}

const DEFAULT_TABLE = 'records';

/** One table for each the manifest lists: every file feeds all of them. */
export function describeFileTables(
  config: FileConfig,
  context: Pick<SourceContext, 'tables'>,
): readonly TableInfo[] {
  const names = context.tables.length === 0 ? [DEFAULT_TABLE] : context.tables.map((table) => table.source);
  return [...new Set(names)].map((name) => ({
    name,
    primaryKey: config.primary_key,
    cursorKind: 'snapshot-id',
    readingOrder: 'ascending',
  }));
}

/** Reads what changed, file by file. The cursor moves with the last batch of each. */
async function* pullFiles(
  files: readonly FoundFile[],
  config: FileConfig,
  context: SourceContext,
  request: PullRequest,
): AsyncGenerator<Batch> {
  const before = decodeTakenFiles(request.cursor) ?? {};
  let taken: TakenFiles = before;
  let isWhole = true;
  for (const [index, file] of files.entries()) {
    request.signal.throwIfAborted();
    const progress = { done: index + 1, total: files.length, unit: 'files' } as const;
    const known = before[file.name];
    // The size and time say that nothing was touched; once they differ, only the content decides.
    const sha256 =
      known === undefined || sameStat(file, known) ? known?.sha256 : await hashFile(file, request.signal);
    if (known !== undefined && sha256 === known.sha256) {
      isWhole = false;
      taken = { ...taken, [file.name]: { size: file.sizeBytes, mtimeMs: file.mtimeMs, sha256 } };
      continue;
    }
    const content = yield* withProgress(readFile(file, config, context, request), progress);
    const after = await describeFile(file.path, context.projectFolder);
    if (after !== undefined && sameStat(after, { size: file.sizeBytes, mtimeMs: file.mtimeMs })) {
      taken = {
        ...taken,
        [file.name]: { size: file.sizeBytes, mtimeMs: file.mtimeMs, sha256: content },
      };
      yield { ...NOTHING, progress, cursor: encodeTakenFiles(taken) };
    } else {
      isWhole = false;
      yield { ...NOTHING, progress, warnings: [changedWarning(file)] };
    }
  }
  yield {
    ...NOTHING,
    cursor: encodeTakenFiles(taken),
    progress: { done: files.length, total: files.length, unit: 'files' },
    ...(isWhole ? { complete: true } : {}),
  };
}

/** Carries a cursor or a warning past the records it is about. */
const NOTHING = { kind: 'records', records: new Uint8Array() } as const;

/** The batches of a file, then the SHA-256 of its bytes. */
async function* readFile(
  file: FoundFile,
  config: FileConfig,
  context: SourceContext,
  request: PullRequest,
): AsyncGenerator<Batch, string> {
  const format = fileFormat(file.name, config.format);
  if (format.format === 'csv' || format.format === 'parquet') {
    const sha256 = await hashFile(file, request.signal);
    // Not even a header: the engine would make up a column.
    if (format.format === 'csv' && file.sizeBytes === 0) return sha256;
    yield { kind: 'file', path: file.path, format: format.format, sizeBytes: file.sizeBytes };
    return sha256;
  }
  const pieces = readRecords(file, {
    format,
    recordsPath: config.records?.split('.'),
    maxRecordBytes: recordLimit(context, request.table),
    signal: request.signal,
  });
  try {
    for (;;) {
      const { done, value } = await pieces.next();
      if (done) return value;
      const { records, setAside } = value;
      yield { kind: 'records', records, ...(setAside.length === 0 ? {} : { setAside }) };
    }
  } finally {
    // Whoever needs only the first batch lets the file go with it.
    await pieces.return('');
  }
}

/** The batches with how far the pull is, then what they end with. */
async function* withProgress<T>(
  batches: AsyncGenerator<Batch, T>,
  progress: PullProgress,
): AsyncGenerator<Batch, T> {
  try {
    for (;;) {
      const { done, value } = await batches.next();
      if (done) return value;
      yield { ...value, progress };
    }
  } finally {
    await batches.return(undefined as T);
  }
}

async function firstBatch(batches: AsyncGenerator<Batch>): Promise<Batch | undefined> {
  for await (const batch of batches) return batch;
  return undefined;
}

function sameStat(file: FoundFile, known: { size: number; mtimeMs: number } | undefined): boolean {
  return known !== undefined && file.sizeBytes === known.size && file.mtimeMs === known.mtimeMs;
}

function refuseUnknown(table: string, tables: readonly TableInfo[]): void {
  const names = tables.map((info) => info.name);
  if (!names.includes(table)) throw unknownTable(table, names);
}

function changedWarning(file: FoundFile): SourceWarning {
  return {
    code: 'source.changed_while_reading',
    message: `${file.name} changed while it was read: it is read again by the next run`,
  };
}
