import { compareText, isInteger, type JsonValue } from '@hakiri/core';
import type { StoreContext } from '../store-context.ts';
import { subjectTexts } from './digest.ts';
import type { Forgotten } from './records.ts';
import {
  batches,
  isKeyed,
  keyColumns,
  keyText,
  listSql,
  type Reached,
  reach,
  type Source,
  type TableFacts,
  textSql,
} from './sources.ts';

/** The rows of a table that are to go. */
export interface FoundRows {
  /** By the path of a file that holds some: which of its rows, in SQL; never null. */
  readonly conditions: ReadonlyMap<string, string>;
  /** Each once, however many files hold it. */
  readonly rows: number;
  /** Texts of the keys that go with every version of their row. */
  readonly keys: ReadonlySet<string>;
}

/**
 * Finds the rows about forgotten subjects, and those of forgotten keys. Where the row that counts of a key is about
 * a forgotten subject, or was deleted after being so, its other versions and tombstones go as well: an older version
 * would come back in its place, and a tombstone would still hold the key.
 * @param viewed paths of the files that the table is made of now; undefined looks at each row by itself
 */
export async function findRows(
  context: StoreContext,
  facts: TableFacts,
  sources: readonly Source[],
  forgotten: Forgotten,
  viewed?: ReadonlySet<string>,
): Promise<FoundRows> {
  const subjects = new Map<string, string>();
  const keys = new Set<string>();
  for (const source of sources) {
    const condition = await subjectCondition(context, facts, source, forgotten);
    if (condition !== undefined) subjects.set(source.path, condition);
    for (const key of await forgottenKeys(context, facts, source, forgotten)) keys.add(key);
  }
  if (viewed !== undefined && isKeyed(facts)) {
    const touched = await keysOf(context, facts, sources, subjects);
    const current = sources.filter(({ path }) => viewed.has(path));
    for (const key of await lostKeys(context, facts, current, subjects, touched)) keys.add(key);
  }
  const conditions = new Map<string, string>();
  const rows = new Set<string>();
  for (const source of sources) {
    const either = [
      ...[subjects.get(source.path) ?? []].flat(),
      ...(keys.size > 0 ? [`${keyText(facts, source)} IN (${listSql(keys)})`] : []),
    ];
    if (either.length === 0) continue;
    const condition = `coalesce(${either.join(' OR ')}, false)`;
    const places = await context.engine.select(
      `SELECT "_hakiri_run", "_hakiri_seq" FROM ${source.from} WHERE ${condition}`,
    );
    if (places.length === 0) continue;
    conditions.set(source.path, condition);
    for (const [run, seq] of places) rows.add(`${String(run)}/${String(seq)}`);
  }
  return { conditions, rows: rows.size, keys };
}

async function subjectCondition(
  { engine }: StoreContext,
  { subjectColumns }: TableFacts,
  source: Source,
  forgotten: Forgotten,
): Promise<string | undefined> {
  if (!forgotten.hasSubjects) return undefined;
  const found: string[] = [];
  for (const name of subjectColumns) {
    const place = reach(source.held, name);
    if (place === undefined) continue;
    if (forgotten.inClear !== undefined && isPlain(place)) {
      found.push(`CAST(${place.sql} AS VARCHAR) IN (${forgotten.inClear.map(textSql).join(', ')})`);
      continue;
    }
    const texts = new Set<string>();
    for (const batch of batches(source)) {
      const values = await engine.select(
        `SELECT DISTINCT CAST(${place.sql} AS VARCHAR), ${place.sql} FROM ${source.from} WHERE ${place.sql} IS NOT NULL AND ${batch}`,
      );
      for (const [text, value] of values) {
        if (subjectTexts(value, place.rest).some(forgotten.subject)) texts.add(String(text));
      }
    }
    if (texts.size > 0) found.push(`CAST(${place.sql} AS VARCHAR) IN (${listSql(texts)})`);
  }
  return found.length === 0 ? undefined : `coalesce(${found.join(' OR ')}, false)`;
}

/** Whether its text in SQL is that of its JSON form, so that the engine can look for it. */
function isPlain({ type, rest }: Reached): boolean {
  return rest.length === 0 && (type.kind === 'string' || isInteger(type));
}

async function forgottenKeys(
  { engine }: StoreContext,
  facts: TableFacts,
  source: Source,
  forgotten: Forgotten,
): Promise<readonly string[]> {
  if (facts.primaryKey.length === 0 || !forgotten.hasKeys(facts.name)) return [];
  const found: string[] = [];
  const columns = [keyText(facts, source), ...keyColumns(facts, source)].join(', ');
  for (const batch of batches(source)) {
    const values = await engine.select(`SELECT DISTINCT ${columns} FROM ${source.from} WHERE ${batch}`);
    for (const [text, ...key] of values) if (forgotten.key(facts.name, key)) found.push(String(text));
  }
  return found;
}

/** Keys of the rows that meet the conditions. */
async function keysOf(
  { engine }: StoreContext,
  facts: TableFacts,
  sources: readonly Source[],
  conditions: ReadonlyMap<string, string>,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const source of sources) {
    const condition = conditions.get(source.path);
    if (condition === undefined) continue;
    const found = await engine.select(
      `SELECT DISTINCT ${keyText(facts, source)} FROM ${source.from} WHERE ${condition}`,
    );
    for (const [key] of found) if (key !== null && key !== undefined) keys.add(String(key));
  }
  return keys;
}

/** Those of the keys of which no row would be left that counts and is about somebody else. */
async function lostKeys(
  { engine }: StoreContext,
  facts: TableFacts,
  current: readonly Source[],
  conditions: ReadonlyMap<string, string>,
  touched: ReadonlySet<string>,
): Promise<readonly string[]> {
  if (touched.size === 0) return [];
  const winners = new Map<string, { readonly order: string; readonly stays: boolean }>();
  for (const source of current) {
    const gone = conditions.get(source.path) ?? 'false';
    const rows = await engine.select(
      `SELECT key, max("_hakiri_order"), arg_max(stays, "_hakiri_order") FROM (
  SELECT ${keyText(facts, source)} AS key, "_hakiri_order", NOT "_hakiri_deleted" AND NOT ${gone} AS stays FROM ${source.from}
) WHERE key IN (${listSql(touched)}) GROUP BY key`,
    );
    for (const [key, order, stays] of rows as readonly JsonValue[][]) {
      const other = winners.get(String(key));
      if (other && compareText(other.order, String(order)) > 0) continue;
      winners.set(String(key), { order: String(order), stays: stays === true });
    }
  }
  return [...touched].filter((key) => winners.get(key)?.stays !== true);
}
