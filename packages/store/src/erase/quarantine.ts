import type { JsonValue } from '@hakiri/core';
import { subjectTexts, valueText } from './digest.ts';
import type { Forgotten } from './records.ts';
import { isKeyed, type TableFacts } from './sources.ts';

/** `leave`: it is about nobody forgotten. `drop`: it is. `blank`: nobody can tell, so its content goes. */
export type Verdict = 'leave' | 'drop' | 'blank';

type Facts = Pick<TableFacts, 'name' | 'mode' | 'primaryKey' | 'subjectColumns'>;

/**
 * @param digest what stands in place of a record that may not be kept: a pseudonym, perhaps of somebody forgotten
 * @param keys texts of keys that go with their rows
 */
export function judgeRecord(
  record: string,
  facts: Facts,
  forgotten: Forgotten,
  digest?: string,
  keys: ReadonlySet<string> = new Set(),
): Verdict {
  const concerned =
    (forgotten.hasSubjects && facts.subjectColumns.length > 0) || forgotten.hasKeys(facts.name);
  if (!concerned) return 'leave';
  const value = parseRecord(record);
  if (value === undefined) return record === '' && digest === undefined ? 'leave' : 'blank';
  const isSubject = facts.subjectColumns.some((name) => valuesAt(value, name).some(forgotten.subject));
  if (isSubject) return 'drop';
  const key = facts.primaryKey.map((name) => value[name] ?? null);
  if (forgotten.key(facts.name, key)) return 'drop';
  return isKeyed(facts as TableFacts) && keys.has(sqlKeyText(key)) ? 'drop' : 'leave';
}

export interface Quarantined {
  /** Null when no line is left. */
  readonly text: string | null;
  readonly rows: number;
  readonly changed: boolean;
}

/** The lines of a quarantine file without what is forgotten. */
export function cleanQuarantine(
  text: string,
  facts: Facts,
  forgotten: Forgotten,
  keys: ReadonlySet<string>,
): Quarantined {
  let changed = false;
  const kept = text.split('\n').flatMap((line) => {
    if (line === '') return [];
    const entry = parseRecord(line);
    const record = typeof entry?.record === 'string' ? entry.record : undefined;
    const digest = typeof entry?.digest === 'string' ? entry.digest : undefined;
    const verdict = record === undefined ? 'drop' : judgeRecord(record, facts, forgotten, digest, keys);
    if (verdict === 'leave') return [line];
    changed = true;
    return verdict === 'drop' ? [] : [JSON.stringify(blanked(entry as unknown as Blankable))];
  });
  return {
    text: kept.length === 0 ? null : kept.map((line) => `${line}\n`).join(''),
    rows: kept.length,
    changed,
  };
}

interface Blankable {
  readonly code: string;
  readonly column?: string | null;
}

/** A line without its content; a reason may quote it. */
function blanked({ code, column }: Blankable) {
  return { code, reason: 'not readable; its content was removed', column: column ?? null, record: '' };
}

/** Every scalar below a dotted name; where the record has no such column, for it was renamed, any at all. */
function valuesAt(record: Readonly<Record<string, JsonValue>>, name: string): readonly string[] {
  if (Object.hasOwn(record, name)) return subjectTexts(record[name]);
  const path = name.split('.');
  return Object.hasOwn(record, path[0] ?? '') ? subjectTexts(record, path) : leaves(record);
}

function leaves(value: JsonValue | undefined): readonly string[] {
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leaves);
  return [valueText(value) ?? []].flat();
}

function sqlKeyText(key: readonly JsonValue[]): string {
  const texts = key.map((value) => valueText(value) ?? null);
  return texts.length === 1 ? (texts[0] ?? '') : JSON.stringify(texts);
}

/** Integers past 2^53 as text, as everywhere. */
function parseRecord(text: string): Readonly<Record<string, JsonValue>> | undefined {
  try {
    const value = JSON.parse(text, function (
      this: unknown,
      _key,
      inner: unknown,
      found?: { source?: string },
    ) {
      if (typeof inner !== 'number' || found?.source === undefined) return inner;
      return /^-?\d+$/.test(found.source) && !Number.isSafeInteger(inner) ? found.source : inner;
    } as (key: string, value: unknown) => unknown) as JsonValue;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
