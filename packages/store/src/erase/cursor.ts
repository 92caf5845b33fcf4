import type { JsonValue } from '@hakiri/core';
import type { OrderValues } from './order-values.ts';
import type { Forgotten } from './records.ts';

/** Every text in a cursor: what it is itself, and, where it is JSON, what it holds; JSON within JSON as well. */
export function cursorTexts(cursor: string | null): readonly string[] {
  if (cursor === null) return [];
  const inside = parsed(cursor);
  return inside === undefined ? [cursor] : [cursor, ...texts(inside)];
}

/**
 * A cursor without what is forgotten: the greatest text that stays in the place of one that goes. Null, so that the
 * next pull starts anew, where there is none, or where the cursor names a subject.
 */
export function cleanCursor(cursor: string | null, orders: OrderValues, forgotten: Forgotten): string | null {
  if (cursor === null || cursorTexts(cursor).some(forgotten.subject)) return null;
  try {
    return replaced(cursor, orders);
  } catch (nothingLeft) {
    if (nothingLeft === NOTHING_LEFT) return null;
    throw nothingLeft;
  }
}

const NOTHING_LEFT = Symbol('nothing left');

function replaced(text: string, orders: OrderValues): string {
  const other = orders.text(text);
  if (other === null) throw NOTHING_LEFT;
  if (other !== undefined) return other;
  const inside = parsed(text);
  if (inside === undefined) return text;
  const after = within(inside, orders);
  return after === inside ? text : JSON.stringify(after);
}

/** The same value where nothing in it changes. */
function within(value: JsonValue, orders: OrderValues): JsonValue {
  if (typeof value === 'string') return replaced(value, orders);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => within(item, orders));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  const entries = Object.entries(value).map(([name, inner]) => [name, within(inner, orders)] as const);
  return entries.some(([name, inner]) => inner !== value[name]) ? Object.fromEntries(entries) : value;
}

function texts(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return cursorTexts(value);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** Undefined for what is no JSON, or only a number. */
function parsed(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return typeof value === 'string' || (typeof value === 'object' && value !== null) ? value : undefined;
  } catch {
    return undefined;
  }
}
