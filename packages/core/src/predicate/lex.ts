import type { Span } from './ast.ts';
import { invalidPredicate } from './invalid.ts';

export type Token =
  | { readonly kind: 'name'; readonly text: string; readonly quoted: boolean; readonly span: Span }
  | { readonly kind: 'text'; readonly text: string; readonly span: Span }
  | {
      readonly kind: 'number';
      readonly unscaled: bigint;
      readonly scale: number;
      readonly span: Span;
    }
  | { readonly kind: 'sign'; readonly text: Sign; readonly span: Span }
  | { readonly kind: 'end'; readonly span: Span };

export type Sign = '=' | '<>' | '<' | '<=' | '>' | '>=' | '(' | ')' | ',' | '.' | '-' | '+';

/** The longest filter that is read, in UTF-16 units. */
const MAX_PREDICATE_LENGTH = 64 * 1024;

const MAX_EXPONENT = 400;
const SPACE = /[ \t\r\n\f\v]+/y;
const NAME = /[\p{L}_][\p{L}\p{M}\p{N}_$]*/uy;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const SIGN = /<=|>=|<>|!=|==|[=<>(),.+-]/y;

/** Splits a filter into tokens, the last one of kind `end`. Throws `predicate.invalid`. */
export function lex(source: string): readonly Token[] {
  if (source.length > MAX_PREDICATE_LENGTH) {
    throw invalidPredicate(
      { source: source.slice(0, 40), start: 0, end: 1 },
      `The filter is ${source.length} characters long; at most ${MAX_PREDICATE_LENGTH} are read.`,
    );
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    at += match(SPACE, source, at).length;
    if (at >= source.length) break;
    const token = nextToken(source, at);
    tokens.push(token);
    at = token.span.end;
  }
  tokens.push({ kind: 'end', span: { source, start: source.length, end: source.length } });
  return tokens;
}

function nextToken(source: string, start: number): Token {
  const to = (length: number): Span => ({ source, start, end: start + length });
  const first = source.charAt(start);
  if (first === "'" || first === '"') return quoted(source, start, first);
  const name = match(NAME, source, start);
  if (name !== '') return { kind: 'name', text: name, quoted: false, span: to(name.length) };
  const number = match(NUMBER, source, start);
  if (number !== '') return readNumber(number, to(number.length));
  const sign = match(SIGN, source, start);
  if (sign === '==') throw invalidPredicate(to(2), 'Equality is written with one =.');
  if (sign !== '') {
    return { kind: 'sign', text: sign === '!=' ? '<>' : (sign as Sign), span: to(sign.length) };
  }
  throw invalidPredicate(to(1), 'This character has no meaning in a filter.');
}

/** A run of text between quotes in which a doubled quote stands for one. */
function quoted(source: string, start: number, quote: "'" | '"'): Token {
  let at = start + 1;
  for (;;) {
    const end = source.indexOf(quote, at);
    if (end < 0) {
      throw invalidPredicate({ source, start, end: start + 1 }, 'This quote is not closed.');
    }
    if (source[end + 1] !== quote) {
      at = end + 1;
      break;
    }
    at = end + 2;
  }
  const span = { source, start, end: at };
  const text = source.slice(start + 1, at - 1).replaceAll(quote + quote, quote);
  if (text.includes('\0')) throw invalidPredicate(span, 'A NUL character is not allowed.');
  if (!text.isWellFormed()) throw invalidPredicate(span, 'Half a surrogate pair is not text.');
  if (quote === "'") return { kind: 'text', text, span };
  if (text === '') throw invalidPredicate(span, 'A name is empty; text is written in single quotes.');
  return { kind: 'name', text, quoted: true, span };
}

function readNumber(text: string, span: Span): Token {
  const next = match(NAME, span.source, span.end);
  if (next !== '') throw invalidPredicate(span, 'A number runs into a name.');
  const [mantissa = '', exponentText = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > MAX_EXPONENT) {
    throw invalidPredicate(span, `The exponent is past ${MAX_EXPONENT}.`);
  }
  const digits = BigInt(whole + fraction);
  const scale = fraction.length - exponent;
  return scale >= 0
    ? { kind: 'number', unscaled: digits, scale, span }
    : { kind: 'number', unscaled: digits * 10n ** BigInt(-scale), scale: 0, span };
}

function match(pattern: RegExp, source: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0] ?? '';
}
