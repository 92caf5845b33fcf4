import type { Answer, AnswerColumn, Citation, Citations, JsonValue, QueryPlan } from '@hakiri/core';
import { escapeJson } from '../terminal/escape.ts';

/** One document: `columns`, `rows` as objects, `truncated`, `elapsed_ms`; `citations` and `plan` where asked for. */
export function answerToJson(answer: Answer): string {
  const names = uniqueNames(answer.columns);
  return escapeJson(
    JSON.stringify(
      {
        columns: answer.columns.map((column, i) => ({ name: names[i], type: column.type })),
        rows: answer.rows.map((row) => toObject(names, row)),
        truncated: answer.truncated,
        elapsed_ms: milliseconds(answer.elapsedMs),
        ...(answer.citations === undefined ? {} : { citations: citationsDocument(answer.citations) }),
        ...(answer.plan === undefined ? {} : { plan: planDocument(answer.plan) }),
      },
      null,
      2,
    ),
  );
}

/** `citations[i]` are the sources of row i; of an aggregate, the tables. */
function citationsDocument(citations: Citations): unknown {
  if (citations.kind === 'rows') return citations.rows.map((row) => row.map(citationDocument));
  return {
    tables: citations.tables.map(({ rowsRead, ...rest }) => ({ ...rest, rows_read: rowsRead })),
  };
}

function citationDocument({ sourceTime, ...rest }: Citation): unknown {
  return { ...rest, source_time: sourceTime };
}

function planDocument({ step, detail, estimatedRows, rows, elapsedMs, steps }: QueryPlan): unknown {
  return {
    step,
    ...(detail === undefined ? {} : { detail }),
    ...(estimatedRows === undefined ? {} : { estimated_rows: estimatedRows }),
    ...(rows === undefined ? {} : { rows }),
    ...(elapsedMs === undefined ? {} : { elapsed_ms: milliseconds(elapsedMs) }),
    ...(steps === undefined ? {} : { steps: steps.map(planDocument) }),
  };
}

const milliseconds = (ms: number): number => Math.round(ms * 1000) / 1000;

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
