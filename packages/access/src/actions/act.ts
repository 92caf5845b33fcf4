import { type ColumnAction, type JsonValue, type LogicalType, type PiiType, sqlType } from '@hakiri/core';
import { hashSql, hashText } from './hash.ts';
import { maskSql, maskText } from './mask.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { tokenizeSql, tokenizeText } from './tokenize.ts';
import { hasText, valueText, valueTextSql } from './value-text.ts';

/** What an action leaves of a value; `deny` leaves the column out, and is not here. */
export type ValueAction = Exclude<ColumnAction, 'deny'>;

/** A column action, ready for columns of one type. */
export interface CompiledAction {
  /** Of what is left. */
  readonly type: LogicalType;
  /** Whether nothing is left but NULL. */
  readonly isNull: boolean;
  /** Of an expression of the column's type. It cannot fail on a value; NULL stays NULL. */
  sql(expression: string): string;
  /** Of a value in the one JSON form. */
  value(value: JsonValue): JsonValue;
}

/** What an action does to columns of this type. */
export function compileAction(
  action: ValueAction,
  type: LogicalType,
  piiType: PiiType | undefined,
  pseudonyms: Pseudonyms,
): CompiledAction {
  const isText = type.kind === 'string';
  if (action === 'redact' || !hasText(type) || (action === 'mask' && !isText)) {
    return { type, isNull: true, sql: () => `CAST(NULL AS ${sqlType(type)})`, value: () => null };
  }
  const sql = (expression: string): string => {
    if (action === 'mask') return maskSql(expression, piiType);
    const text = valueTextSql(expression, type);
    return action === 'hash' ? hashSql(text, pseudonyms) : tokenizeSql(text, pseudonyms);
  };
  return { type: { kind: 'string' }, isNull: false, sql, value: redactValue(action, piiType, pseudonyms) };
}

/**
 * What an action leaves of a value whose type nobody has settled yet: of a record, before it is written. What it
 * leaves of texts, numbers and booleans is what `compileAction` leaves of them once they are columns.
 */
export function redactValue(
  action: ValueAction,
  piiType: PiiType | undefined,
  pseudonyms: Pseudonyms,
): (value: JsonValue) => JsonValue {
  if (action === 'redact') return () => null;
  const mask = maskText(piiType);
  const act = (text: string): string => {
    if (action === 'mask') return mask(text);
    return action === 'hash' ? hashText(text, pseudonyms) : tokenizeText(text, pseudonyms);
  };
  return (value) => {
    if (action === 'mask' && typeof value !== 'string') return null;
    const text = valueText(value);
    return text === undefined ? null : act(text);
  };
}
