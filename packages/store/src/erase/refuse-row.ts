import { findColumn, HakiriError, type JsonValue, type TableName, type TableSchema } from '@hakiri/core';
import type { SmallRow } from '../delta/small-row.ts';
import { oneJsonForm } from '../rows/json-form.ts';
import { subjectTexts } from './digest.ts';
import type { Forgotten } from './records.ts';

interface Target {
  readonly table: TableName;
  readonly primaryKey: readonly string[];
  readonly subjectColumns: readonly string[];
  readonly declared: TableSchema;
}

/** @throws HakiriError record.erased for a row about somebody forgotten, or of a forgotten key; also to delete it */
export function requireNotForgotten(rows: readonly SmallRow[], target: Target, forgotten: Forgotten): void {
  for (const row of rows) {
    const values = 'delete' in row ? row.delete : row.values;
    const formed = (name: string): JsonValue => formOf(values[name] ?? null, name, target);
    const isSubject = target.subjectColumns.some((name) => {
      if (Object.hasOwn(values, name)) return subjectTexts(formed(name)).some(forgotten.subject);
      return subjectTexts(values as JsonValue, name.split('.')).some(forgotten.subject);
    });
    if (!isSubject && !forgotten.key(target.table, target.primaryKey.map(formed))) continue;
    throw new HakiriError(
      'record.erased',
      `A row of ${target.table} is about something that was forgotten for good: nothing was written`,
    );
  }
}

function formOf(value: JsonValue, name: string, { declared }: Target): JsonValue {
  const type = findColumn(declared, name)?.type;
  return type === undefined ? value : (oneJsonForm(value, type) ?? value);
}
