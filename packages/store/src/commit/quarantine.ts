import { dirname } from 'node:path';
import type { ErrorCode, RunManifest, SetAside, WritableFile } from '@hakiri/core';
import type { Misfit } from '@hakiri/engine';
import { syncUpTo } from '../disk/durable.ts';
import { judgeRecord } from '../erase/quarantine.ts';
import type { Forgotten } from '../erase/records.ts';
import type { StoreContext } from '../store-context.ts';

/** Records set aside go to their file as they come: there may be as many of them as there are rows. */
export interface OpenQuarantine {
  readonly path: string;
  readonly file: WritableFile;
  rows: number;
}

/**
 * Opens the file under its own name at once: until a manifest names it, it belongs to nobody and is swept.
 * @param path relative
 */
export async function openQuarantine(
  { files, paths }: Pick<StoreContext, 'files' | 'paths'>,
  path: string,
): Promise<OpenQuarantine> {
  await files.makeFolder(dirname(paths.absolute(path)));
  return { path, file: await files.create(paths.absolute(path)), rows: 0 };
}

export async function appendRecords(open: OpenQuarantine, records: readonly SetAside[]): Promise<void> {
  await open.file.write(Buffer.from(records.map(quarantineLine).join('')));
  open.rows += records.length;
}

/** What the manifest says of the file, which is on the disk by then. */
export async function closeQuarantine(
  { files, paths }: Pick<StoreContext, 'files' | 'paths'>,
  open: OpenQuarantine | undefined,
): Promise<RunManifest['quarantine']> {
  if (open === undefined) return null;
  const path = paths.absolute(open.path);
  await open.file.close();
  await files.sync(path);
  await syncUpTo(files, dirname(path), paths.context);
  return { path: open.path, rows: open.rows };
}

/** A record that is set aside, without its content where nobody can tell whom it is about. */
export function screened(
  aside: SetAside,
  facts: Parameters<typeof judgeRecord>[1],
  forgotten: Forgotten,
): readonly SetAside[] {
  const { digest, ...content } = aside;
  const verdict = judgeRecord(Buffer.from(aside.record).toString('utf8'), facts, forgotten, digest);
  if (verdict === 'leave') return [aside];
  return verdict === 'drop' ? [] : [{ ...content, record: Buffer.alloc(0) }];
}

const MISFIT_CODES: Readonly<Record<Misfit['reason'], ErrorCode>> = {
  type: 'record.type_conflict',
  null_key: 'record.null_key',
  malformed: 'record.malformed_json',
  transform: 'record.type_conflict',
};

export function misfitRecord({ reason, column, expected, record }: Misfit): SetAside {
  const reasons: Readonly<Record<Misfit['reason'], string>> = {
    type: `column ${column} does not hold ${expected}`,
    null_key: 'a column of the primary key is null',
    malformed: 'not a JSON object',
    transform: `a transform failed on it (${expected})`,
  };
  return {
    code: MISFIT_CODES[reason],
    reason: reasons[reason],
    ...(column === undefined ? {} : { column }),
    record: Buffer.from(record, 'base64'),
  };
}

function quarantineLine({ code, reason, column, record, digest }: SetAside): string {
  const line = { code, reason, column: column ?? null, record: Buffer.from(record).toString('utf8') };
  return `${JSON.stringify(digest === undefined ? line : { ...line, digest })}\n`;
}
