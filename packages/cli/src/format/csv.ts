import { type Answer, csvLine } from '@hakiri/core';

/** A header, then a line a row. */
export function toCsv(answer: Answer): string {
  return [answer.columns.map((column) => column.name), ...answer.rows].map(csvLine).join('');
}
