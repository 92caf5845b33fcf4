import type { Answer, JsonValue } from '@hakiri/core';

/**
 * RFC 4180: lines end with CRLF, a field with a quote, comma or line break is quoted. A null is an empty field,
 * empty text is `""`, so that the two can be told apart; lists and structs are JSON.
 */
export function toCsv(answer: Answer): string {
  const header = answer.columns.map((column) => csvField(column.name)).join(',');
  return [header, ...answer.rows.map((row) => row.map(csvField).join(','))]
    .map((line) => `${line}\r\n`)
    .join('');
}

function csvField(value: JsonValue): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
