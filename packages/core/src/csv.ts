import type { JsonValue } from './ports/serve.ts';

/**
 * A line of CSV (RFC 4180), its CRLF included: a field with a quote, comma or line break is quoted. A null is an
 * empty field, empty text is `""`, so that the two can be told apart; lists and structs are JSON.
 */
export function csvLine(values: readonly JsonValue[]): string {
  return `${values.map(csvField).join(',')}\r\n`;
}

function csvField(value: JsonValue): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
