import {
  type CatalogTable,
  findColumn,
  HakiriError,
  type JsonValue,
  quoteIdentifier,
  type TableName,
} from '@hakiri/core';
import { collectGarbage } from '../gc/collect-garbage.ts';
import type { LockOptions, StoreOptions } from '../open-context.ts';
import { openErasure } from '../open-maintenance.ts';
import { adopt } from '../recovery/adopt.ts';
import { oneJsonForm } from '../rows/json-form.ts';
import type { StoreContext } from '../store-context.ts';
import { keyDigest, subjectDigest, valueText } from './digest.ts';
import { erase } from './finish.ts';
import { ensurePseudonymKey } from './pseudonym-key.ts';
import { type ErasureProof, type ErasureRecord, type Forgotten, writeRecord } from './records.ts';
import { openScreen } from './screen.ts';
import { isKeyed, type Source, textSql } from './sources.ts';
import { tableFiles } from './table-files.ts';

/** Whom or what to forget: everything about a subject, in every table, or rows of one table by their keys. */
export type ForgetRequest =
  /** Rows in which one of the table's `subject_columns` has this value; numbers by their digits. */
  | {
      readonly subject: string;
      /** What else it is called where it was redacted on its way in: its hash, its token. */
      readonly pseudonyms?: readonly string[];
    }
  /** Values of the key's columns in the one JSON form, in the order of `primary_key`. */
  | { readonly table: TableName; readonly keys: readonly (readonly JsonValue[])[] };

export interface ForgetReport {
  /** Digests under which it was recorded. */
  readonly erasures: readonly string[];
  /** Tables that were looked through. */
  readonly tables: readonly {
    readonly table: TableName;
    /** Rows that went, each once, however many files held it; older versions and deletes among them. */
    readonly rows: number;
    /** Files that were rewritten or removed. */
    readonly files: number;
  }[];
  /** What was read back afterwards. */
  readonly proof: ErasureProof;
  /** Where the subject's text still stands, in rows that are not about it. They were left as they are. */
  readonly mentions: readonly Mention[];
}

export interface Mention {
  readonly table: TableName;
  readonly column: string;
  readonly rows: number;
}

export type ForgetStep =
  | { readonly step: 'table'; readonly table: TableName }
  | { readonly step: 'mentions' };

/**
 * Removes rows for good from every file of the store, sees to it that they never come in again, and proves it by
 * reading every file back. A process that dies on the way leaves a store that reads right; whoever opens it for
 * writing next finishes the work.
 * @throws HakiriError usage.argument, usage.unknown_name, store.not_found, store.locked, store.compacting,
 * store.damaged for a file that nobody can look into, store.erasure_incomplete
 */
export async function forget(
  options: StoreOptions,
  lock: LockOptions,
  request: ForgetRequest,
  onProgress: (step: ForgetStep) => void = () => {},
): Promise<ForgetReport> {
  requireSomething(request);
  return openErasure(options, lock, async (context) => {
    const { files, paths } = context;
    const records = await recordsOf(context, request);
    for (const record of records) await writeRecord(context, record);
    // Runs that are refused for their age are in no catalog, and on the disk all the same.
    await adopt(files, paths, context.catalog, await openScreen(context));
    // What the retention gives away need not be rewritten; what an earlier collection left, nobody would look at.
    for (const { name } of await context.catalog.tables()) await collectGarbage(context, name);
    const digests = records.map(({ digest }) => digest);
    const { changes, proof } = await erase(context, await inClear(context, request), digests, (table) =>
      onProgress({ step: 'table', table }),
    );
    onProgress({ step: 'mentions' });
    return {
      erasures: digests,
      tables: changes.map(({ table, rows, files }) => ({ table, rows, files })),
      proof,
      mentions: 'subject' in request ? await mentions(context, request.subject) : [],
    };
  });
}

function requireSomething(request: ForgetRequest): void {
  const isEmpty = 'subject' in request ? request.subject === '' : request.keys.length === 0;
  if (isEmpty) throw new HakiriError('usage.argument', 'There is nothing to forget: the value is empty');
}

async function recordsOf(context: StoreContext, request: ForgetRequest): Promise<readonly ErasureRecord[]> {
  const { clock, files, paths } = context;
  const created_at = new Date(clock.nowMs()).toISOString();
  if ('subject' in request) {
    const key = await ensurePseudonymKey(files, paths);
    return namesOf(request).map((name) => ({
      format: 1,
      digest: subjectDigest(key, name),
      kind: 'subject',
      created_at,
    }));
  }
  const table = await context.catalog.table(request.table);
  if (!table) throw new HakiriError('usage.unknown_name', `There is no table ${request.table}`);
  requireKeys(table, request.keys);
  const key = await ensurePseudonymKey(files, paths);
  return request.keys.map((values) => ({
    format: 1,
    digest: digestOf(key, table, values),
    kind: 'key',
    table: table.name,
    created_at,
  }));
}

function namesOf({
  subject,
  pseudonyms = [],
}: Extract<ForgetRequest, { subject: string }>): readonly string[] {
  return [...new Set([subject, ...pseudonyms])];
}

function requireKeys(table: CatalogTable, keys: readonly (readonly JsonValue[])[]): void {
  if (!isKeyed(table)) {
    throw new HakiriError('usage.argument', `Table ${table.name} has no primary key`, {
      hint: 'Forget by subject.',
    });
  }
  if (keys.every((values) => values.length === table.primaryKey.length && !values.includes(null))) return;
  throw new HakiriError('usage.argument', `A key of ${table.name} has ${table.primaryKey.length} values`, {
    hint: `Give, in this order: ${table.primaryKey.join(', ')}.`,
  });
}

function digestOf(key: Buffer, table: CatalogTable, values: readonly JsonValue[]): string {
  const digest = keyDigest(key, table.name, formed(table, values));
  if (digest === undefined) throw new HakiriError('internal', 'A key without a value');
  return digest;
}

function formed(table: CatalogTable, values: readonly JsonValue[]): readonly JsonValue[] {
  return values.map((value, i) => {
    const type = findColumn(table.schema, table.primaryKey[i] ?? '')?.type;
    return type === undefined ? value : (oneJsonForm(value, type) ?? value);
  });
}

/** While the values are known there is nothing to hash. What was forgotten earlier is gone already. */
async function inClear({ catalog }: StoreContext, request: ForgetRequest): Promise<Forgotten> {
  if ('subject' in request) {
    const names = namesOf(request);
    return {
      hasSubjects: true,
      inClear: names,
      subject: (text) => names.includes(text),
      hasKeys: () => false,
      key: () => false,
    };
  }
  const table = await catalog.table(request.table);
  const textOf = (values: readonly JsonValue[]): string => JSON.stringify(values.map(valueText));
  const keys = new Set(request.keys.map((values) => textOf(table ? formed(table, values) : values)));
  return {
    hasSubjects: false,
    subject: () => false,
    hasKeys: (name) => name === request.table,
    key: (name, values) => name === request.table && keys.has(textOf(values)),
  };
}

/** Counts the rows, each once, in whose columns a text stands. */
async function mentions(context: StoreContext, text: string): Promise<readonly Mention[]> {
  const found: Mention[] = [];
  for (const table of await context.catalog.tables()) {
    const { sources } = await tableFiles(context, table);
    const rows = new Map<string, Set<string>>();
    for (const source of sources) await mentionsIn(context, source, text, rows);
    for (const [column, places] of rows) found.push({ table: table.name, column, rows: places.size });
  }
  return found;
}

const HOLDS_TEXT = new Set(['string', 'json', 'list', 'struct']);

async function mentionsIn(
  { engine }: StoreContext,
  { from, held }: Source,
  text: string,
  rows: Map<string, Set<string>>,
): Promise<void> {
  for (const { name, type } of held.columns) {
    if (!HOLDS_TEXT.has(type.kind)) continue;
    const places = await engine.select(
      `SELECT "_hakiri_run", "_hakiri_seq" FROM ${from} WHERE contains(CAST(${quoteIdentifier(name)} AS VARCHAR), ${textSql(text)})`,
    );
    if (places.length === 0) continue;
    const known = rows.get(name) ?? new Set();
    for (const [run, seq] of places) known.add(`${String(run)}/${String(seq)}`);
    rows.set(name, known);
  }
}
