import { cutToWidth, padEnd, padStart, textWidth } from '../terminal/width.ts';

export interface TextColumn {
  readonly title: string;
  readonly align: 'left' | 'right';
}

export interface TextTable {
  readonly lines: readonly string[];
  /** Columns left out because the terminal is too narrow for all of them. */
  readonly hiddenColumns: number;
}

const GAP = 2;
/** A column is not made narrower than this: less shows nothing of use. */
const NARROWEST = 6;

/** Aligned lines: titles, a rule, the rows. Cells must be single lines, safe to print. `maxWidth` cuts to a terminal. */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  maxWidth: number = Number.POSITIVE_INFINITY,
): TextTable {
  const natural = columns.map((column, i) =>
    rows.reduce((widest, row) => Math.max(widest, textWidth(row[i] ?? '')), textWidth(column.title)),
  );
  const widths = fitWidths(natural, maxWidth);
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, i) => alignCell(cells[i] ?? '', width, columns[i]?.align ?? 'left'))
      .join(' '.repeat(GAP))
      .trimEnd();
  return {
    lines: [
      line(columns.map((column) => column.title)),
      widths.map((width) => '-'.repeat(width)).join(' '.repeat(GAP)),
      ...rows.map(line),
    ],
    hiddenColumns: columns.length - widths.length,
  };
}

function alignCell(text: string, width: number, align: 'left' | 'right'): string {
  const cut = cutToWidth(text, width);
  return align === 'right' ? padStart(cut, width) : padEnd(cut, width);
}

/** Widths of the leading columns that can be shown: the widest give way first, down to a limit that all share. */
function fitWidths(natural: readonly number[], maxWidth: number): readonly number[] {
  const shown = natural.slice(0, countThatFit(natural, maxWidth));
  const room = maxWidth - GAP * (shown.length - 1);
  const limit = shareLimit(shown, room);
  return shown.map((width) => Math.min(width, limit));
}

function countThatFit(natural: readonly number[], maxWidth: number): number {
  let used = -GAP;
  for (const [i, width] of natural.entries()) {
    used += GAP + Math.min(width, NARROWEST);
    if (used > maxWidth) return Math.max(1, i);
  }
  return natural.length;
}

/** The greatest limit for which the widths, each cut to it, add up to no more than the room. */
function shareLimit(widths: readonly number[], room: number): number {
  let rest = room;
  const ascending = [...widths].sort((a, b) => a - b);
  for (const [i, width] of ascending.entries()) {
    const share = Math.floor(rest / (ascending.length - i));
    if (width > share) return Math.max(1, share);
    rest -= width;
  }
  return Number.POSITIVE_INFINITY;
}
