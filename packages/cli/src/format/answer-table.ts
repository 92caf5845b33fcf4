import type { Answer, AnswerColumn, JsonValue } from '@hakiri/core';
import type { Channel } from '../output.ts';
import { escapeLine } from '../terminal/escape.ts';
import { type TextTable, textTable } from './text-table.ts';

const NULL = 'NULL';
const NUMBER_TYPE =
  /^(u?(tiny|small|big|huge)?int(eger)?\d{0,2}|double|float|real|decimal|numeric)(\(.*\))?$/i;

/** An answer as aligned lines. Cells are cut only on a terminal: a pipe gets all of them. */
export function answerTable(answer: Answer, channel: Channel): TextTable {
  const columns = answer.columns.map((column, i) => ({
    title: escapeLine(column.name),
    align: isNumeric(column, answer.rows, i) ? ('right' as const) : ('left' as const),
  }));
  const rows = answer.rows.map((row) => row.map(cellText));
  return textTable(columns, rows, channel.isTerminal ? channel.columns : undefined);
}

function isNumeric(column: AnswerColumn, rows: Answer['rows'], index: number): boolean {
  if (NUMBER_TYPE.test(column.type)) return true;
  const values = rows.map((row) => row[index]).filter((value) => value !== null);
  return values.length > 0 && values.every((value) => typeof value === 'number');
}

function cellText(value: JsonValue): string {
  if (value === null) return NULL;
  // Text that happens to read NULL is quoted, so that it is not taken for one.
  if (typeof value === 'string') return value === NULL ? `"${NULL}"` : escapeLine(value);
  return escapeLine(typeof value === 'object' ? JSON.stringify(value) : String(value));
}
