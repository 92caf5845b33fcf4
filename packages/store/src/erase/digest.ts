import { createHmac } from 'node:crypto';
import type { JsonValue } from '@hakiri/core';

/** The text that stands for a value in the one JSON form: `42` for an integer however it is held; undefined for null. */
export function valueText(value: JsonValue | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Every text in a value that may name a subject: the value itself, or the items of a list. */
export function subjectTexts(value: JsonValue | undefined, path: readonly string[] = []): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => subjectTexts(item, path));
  const [name, ...rest] = path;
  if (name === undefined) return [valueText(value) ?? []].flat();
  if (typeof value !== 'object' || value === null) return [];
  return Object.hasOwn(value, name) ? subjectTexts((value as Record<string, JsonValue>)[name], rest) : [];
}

/** Of a subject in whatever table. */
export function subjectDigest(key: Buffer, text: string): string {
  return digest(key, 'subject', '', text);
}

/** Of a primary key; undefined where a value is null. */
export function keyDigest(key: Buffer, table: string, values: readonly JsonValue[]): string | undefined {
  const texts = values.map(valueText);
  if (texts.length === 0 || texts.includes(undefined)) return undefined;
  return digest(key, 'key', table, JSON.stringify(texts));
}

function digest(key: Buffer, kind: string, table: string, text: string): string {
  return createHmac('sha256', key).update(`${kind}\0${table}\0${text}`).digest('hex');
}
