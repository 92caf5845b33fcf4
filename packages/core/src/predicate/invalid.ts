import { type ErrorOptions, HakiriError } from '../errors.ts';
import type { Span } from './ast.ts';

const SHOWN_EACH_SIDE = 40;

/** `predicate.invalid` with the place in the filter marked by carets under it. */
export function invalidPredicate(span: Span, why: string, options: ErrorOptions = {}): HakiriError {
  return new HakiriError('predicate.invalid', `${why}\n${excerpt(span)}`, {
    ...options,
    details: { ...options.details, position: span.start + 1 },
  });
}

/** The text around a span on one line, and carets under the span on the next. */
export function excerpt({ source, start, end }: Span): string {
  const from = Math.max(0, start - SHOWN_EACH_SIDE);
  const to = Math.min(source.length, Math.max(end, start + 1) + SHOWN_EACH_SIDE);
  const before = `${from > 0 ? '...' : ''}${oneLine(source.slice(from, start))}`;
  const marked = source.slice(start, Math.min(end, start + SHOWN_EACH_SIDE));
  const after = oneLine(source.slice(start + marked.length, to));
  return `  ${before}${oneLine(marked)}${after}${to < source.length ? '...' : ''}
  ${' '.repeat(before.length)}${'^'.repeat(Math.max(1, marked.length))}`;
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character would break the line or the terminal
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}
