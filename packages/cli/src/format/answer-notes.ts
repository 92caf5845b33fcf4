import type { Answer, QueryPlan, TableCitation } from '@hakiri/core';
import { escapeLine } from '../terminal/escape.ts';
import { formatCount, formatDuration, plural } from './units.ts';

/** Where the rows come from, a line a source; the row's number is before its first. */
export function sourceLines({ citations }: Answer): readonly string[] {
  if (citations === undefined) return [];
  const lines =
    citations.kind === 'tables'
      ? citations.tables.map((table) => `  ${tableLine(table)}`)
      : citations.rows.flatMap((row, i) =>
          row.map(({ table, key, address = `${table} ${JSON.stringify(key)}`, sourceTime }, n) => {
            const number = n === 0 ? String(i + 1) : '';
            return `${number.padStart(5)}  ${address}${sourceTime === null ? '' : `  ${sourceTime}`}`;
          }),
        );
  return ['', 'Sources', ...lines.map(escapeLine)];
}

function tableLine({ address, snapshot, runs, predicate, rowsRead }: TableCitation): string {
  return [
    address,
    snapshot === null ? 'no snapshot' : `snapshot ${snapshot}`,
    ...(runs === undefined ? [] : [plural(runs.length, 'run')]),
    ...(predicate === null ? [] : [`where ${predicate}`]),
    ...(rowsRead === null ? [] : [`${plural(rowsRead, 'row')} read`]),
  ].join('  ');
}

/** How the rows were found, a line a step. */
export function planLines({ plan }: Answer): readonly string[] {
  return plan === undefined ? [] : ['', 'Plan', ...stepLines(plan, 1)];
}

function stepLines(
  { step, detail, estimatedRows, rows, elapsedMs, steps = [] }: QueryPlan,
  depth: number,
): string[] {
  const facts = [
    step,
    ...(detail === undefined ? [] : [detail]),
    ...(rows === undefined ? [] : [plural(rows, 'row')]),
    ...(estimatedRows === undefined ? [] : [`estimated ${formatCount(estimatedRows)}`]),
    ...(elapsedMs === undefined ? [] : [formatDuration(elapsedMs)]),
  ];
  const line = `${'  '.repeat(depth)}${escapeLine(facts.join('  '))}`;
  return [line, ...steps.flatMap((inner) => stepLines(inner, depth + 1))];
}
