import type { Answer, AnswerColumn, JsonValue } from '@hakiri/core';
import { escapeJson } from '../terminal/escape.ts';

/** One document: `columns`, `rows` as objects, `truncated`, `elapsed_ms`. */
export function answerToJson(answer: Answer): string {
  const names = uniqueNames(answer.columns);
  return escapeJson(
    JSON.stringify(
      {
        columns: answer.columns.map((column, i) => ({ name: names[i], type: column.type })),
        rows: answer.rows.map((row) => toObject(names, row)),
        truncated: answer.truncated,
        elapsed_ms: Math.round(answer.elapsedMs * 1000) / 1000,
      },
      null,
      2,
    ),
  );
}

/** A line a row, each an object. */
export function answerToNdjson(answer: Answer): string {
  const names = uniqueNames(answer.columns);
  return escapeJson(answer.rows.map((row) => `${JSON.stringify(toObject(names, row))}\n`).join(''));
}

function toObject(names: readonly string[], row: readonly JsonValue[]): Record<string, JsonValue> {
  return Object.fromEntries(names.map((name, i) => [name, row[i] ?? null]));
}

/** A second column of the same name becomes `name_2`: an object would keep only one of them. */
function uniqueNames(columns: readonly AnswerColumn[]): readonly string[] {
  const taken = new Set<string>();
  return columns.map(({ name }) => {
    let unique = name;
    for (let n = 2; taken.has(unique); n++) unique = `${name}_${n}`;
    taken.add(unique);
    return unique;
  });
}
