import stringWidth from 'string-width';

/** Columns a text takes on a terminal: wide characters and emoji take two, combining marks none. */
export function textWidth(text: string): number {
  return stringWidth(text);
}

const ELLIPSIS = '…';
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The text, or as much of its start as fits with an ellipsis into `columns`. */
export function cutToWidth(text: string, columns: number): string {
  // No character takes more than two columns, so a longer text than this need not be measured whole.
  if (text.length <= columns * 16 && textWidth(text) <= columns) return text;
  let taken = '';
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += textWidth(segment);
    if (width > columns - 1) break;
    taken += segment;
  }
  return taken + ELLIPSIS;
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - textWidth(text)));
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - textWidth(text))) + text;
}
