import type { JsonValue } from '@hakiri/core';
import { hashText, type Pseudonyms } from '../actions/index.ts';

/**
 * What stands for a record that is set aside: the keyed hash of its key as the table would hold it, which for a key
 * of one column is what the action `hash` leaves of that. Undefined where the record tells no key.
 */
export function keyDigest(
  record: Uint8Array,
  primaryKey: readonly string[],
  pseudonyms: Pseudonyms,
): string | undefined {
  const values = parsed(record);
  if (values === undefined || primaryKey.length === 0) return undefined;
  const texts = primaryKey.map((name) => (Object.hasOwn(values, name) ? keyText(values[name]) : undefined));
  if (texts.some((text) => text === undefined)) return undefined;
  return hashText(texts.length === 1 ? (texts[0] as string) : JSON.stringify(texts), pseudonyms);
}

function keyText(value: JsonValue | undefined): string | undefined {
  return value === undefined || typeof value === 'object' ? undefined : String(value);
}

/** Integers past 2^53 as text, as everywhere. */
function parsed(record: Uint8Array): Readonly<Record<string, JsonValue>> | undefined {
  const keep = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? context?.source
      : value;
  try {
    const value: unknown = JSON.parse(Buffer.from(record).toString('utf8'), keep);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, JsonValue>)
      : undefined;
  } catch {
    return undefined;
  }
}
