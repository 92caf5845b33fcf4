import type { JsonValue } from '@hakiri/core';

const MAX_TEXT = 80;
const MAX_ITEMS = 3;
const MAX_FIELDS = 12;
const MAX_DEPTH = 3;

/** A value as an example of its column: what it looks like, not all it says. */
export function shortened(value: JsonValue, depth = 0): JsonValue {
  if (typeof value === 'string') return shortText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return shortText(JSON.stringify(value));
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => shortened(item, depth + 1));
    return value.length > MAX_ITEMS ? [...items, '…'] : items;
  }
  const fields = Object.entries(value).slice(0, MAX_FIELDS);
  return Object.fromEntries(fields.map(([name, inner]) => [shortText(name), shortened(inner, depth + 1)]));
}

/** Control and format characters could drive whoever shows them. */
function shortText(text: string): string {
  const plain = text
    .slice(0, MAX_TEXT * 4)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .toWellFormed();
  const characters = [...plain];
  return characters.length > MAX_TEXT ? `${characters.slice(0, MAX_TEXT).join('')}…` : plain;
}
