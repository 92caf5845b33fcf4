import {
  and,
  type ColumnReference,
  type CompareOp,
  type Literal,
  or,
  type Predicate,
  type Span,
  TEXT_TESTS,
  type TextLiteral,
  type TextTest,
  type TimeLiteral,
  type Value,
} from './ast.ts';
import { invalidPredicate } from './invalid.ts';
import { lex, type Sign, type Token } from './lex.ts';
import { parseDateTime } from './time.ts';

const MAX_DEPTH = 200;
const MAX_LIST = 10_000;
/** Matching takes at worst the pattern's length times the text's. */
const MAX_PATTERN = 1000;
const COMPARE: readonly string[] = ['=', '<>', '<', '<=', '>', '>='];

/** Words that cannot name a column without quotes. */
const RESERVED: readonly string[] = [
  'and',
  'or',
  'not',
  'is',
  'null',
  'true',
  'false',
  'in',
  'between',
  'like',
  'ilike',
];

interface Parser {
  readonly tokens: readonly Token[];
  at: number;
  depth: number;
}

/**
 * Reads a filter: a boolean subset of SQL without arithmetic, with SQL's precedence (NOT binds tighter than AND,
 * AND than OR; `IS` applies to a whole comparison). Throws `predicate.invalid` with position and caret.
 */
export function parsePredicate(source: string): Predicate {
  const parser: Parser = { tokens: lex(source), at: 0, depth: 0 };
  if (peek(parser).kind === 'end') throw invalidPredicate(peek(parser).span, 'The filter is empty.');
  const predicate = parseOr(parser);
  if (peek(parser).kind !== 'end') throw unexpected(parser, 'AND, OR or the end of the filter');
  return predicate;
}

function parseOr(parser: Parser): Predicate {
  const operands = [parseAnd(parser)];
  while (acceptWord(parser, 'or')) operands.push(parseAnd(parser));
  return or(...operands);
}

function parseAnd(parser: Parser): Predicate {
  const operands = [parseNot(parser)];
  while (acceptWord(parser, 'and')) operands.push(parseNot(parser));
  return and(...operands);
}

function parseNot(parser: Parser): Predicate {
  if (!acceptWord(parser, 'not')) return parseIs(parser);
  return nested(parser, () => ({ kind: 'not', operand: parseNot(parser) }));
}

/** `IS ...` after a comparison, any number of times. */
function parseIs(parser: Parser): Predicate {
  let operand = parseComparison(parser);
  for (let count = 0; acceptWord(parser, 'is'); count++) {
    if (parser.depth + count > MAX_DEPTH) throw tooDeep(peek(parser).span);
    operand = parseIsTail(parser, operand);
  }
  return operand;
}

function parseIsTail(parser: Parser, operand: Predicate): Predicate {
  const negated = acceptWord(parser, 'not');
  if (acceptWord(parser, 'null')) return { kind: 'is_null', negated, operand };
  if (acceptWord(parser, 'true')) return { kind: 'is_boolean', negated, value: true, operand };
  if (acceptWord(parser, 'false')) return { kind: 'is_boolean', negated, value: false, operand };
  if (acceptWord(parser, 'distinct')) {
    if (!acceptWord(parser, 'from')) throw unexpected(parser, 'FROM');
    return { kind: 'distinct', negated, left: asValue(parser, operand), right: parseValue(parser) };
  }
  throw unexpected(parser, 'NULL, TRUE, FALSE or DISTINCT FROM');
}

function parseComparison(parser: Parser): Predicate {
  const left = parsePrimary(parser);
  const token = peek(parser);
  if (token.kind === 'sign' && COMPARE.includes(token.text)) {
    parser.at++;
    const op = token.text as CompareOp;
    const compared: Predicate = {
      kind: 'compare',
      op,
      left: asValue(parser, left),
      right: parseValue(parser),
    };
    const next = peek(parser);
    if (next.kind === 'sign' && COMPARE.includes(next.text)) {
      throw invalidPredicate(next.span, 'Comparisons do not chain: join them with AND.');
    }
    return compared;
  }
  const start = parser.at;
  const negated = acceptWord(parser, 'not');
  if (acceptWord(parser, 'in')) {
    return { kind: 'in', negated, operand: asValue(parser, left), items: parseList(parser) };
  }
  if (acceptWord(parser, 'between')) {
    const low = parseValue(parser);
    if (!acceptWord(parser, 'and')) throw unexpected(parser, 'AND');
    return { kind: 'between', negated, operand: asValue(parser, left), low, high: parseValue(parser) };
  }
  const ignoreCase = acceptWord(parser, 'ilike');
  if (ignoreCase || acceptWord(parser, 'like')) {
    const operand = asValue(parser, left);
    const pattern = parseText(parser);
    if (pattern.text.length > MAX_PATTERN) {
      throw invalidPredicate(pattern.span, `The pattern is longer than ${MAX_PATTERN}.`);
    }
    const escapeSign = acceptWord(parser, 'escape') ? parseText(parser) : undefined;
    checkEscape(pattern, escapeSign);
    return { kind: 'like', negated, ignoreCase, operand, pattern, escape: escapeSign };
  }
  if (negated) {
    parser.at = start;
    throw unexpected(parser, 'a comparison');
  }
  return left;
}

function checkEscape(pattern: TextLiteral, sign: TextLiteral | undefined): void {
  if (sign === undefined) return;
  if (!/^[!-/:-@[-^`{-~]$/.test(sign.text) || sign.text === '%') {
    throw invalidPredicate(sign.span, 'ESCAPE takes a single punctuation mark other than % and _.');
  }
  const trailing = pattern.text.length - pattern.text.replace(trailingRun(sign.text), '').length;
  if (trailing % 2 === 1) {
    throw invalidPredicate(pattern.span, 'The pattern must not end with its escape character.');
  }
}

function trailingRun(character: string): RegExp {
  return new RegExp(`[\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}]+$`);
}

function parsePrimary(parser: Parser): Predicate {
  if (acceptSign(parser, '(')) {
    return nested(parser, () => {
      const inner = parseOr(parser);
      if (!acceptSign(parser, ')')) throw unexpected(parser, 'AND, OR or )');
      return inner;
    });
  }
  const test = textTest(parser);
  return test === undefined ? { kind: 'value', value: parseValue(parser) } : parseTextTest(parser, test);
}

function textTest(parser: Parser): TextTest | undefined {
  const token = peek(parser);
  const next = parser.tokens[parser.at + 1];
  if (token.kind !== 'name' || token.quoted || next?.kind !== 'sign' || next.text !== '(') return undefined;
  const test = TEXT_TESTS.find((name) => name === token.text.toLowerCase());
  if (test === undefined && !RESERVED.includes(token.text.toLowerCase())) {
    throw invalidPredicate(
      token.span,
      `There is no function "${token.text}" in filters, only ${TEXT_TESTS.join(', ')}.`,
    );
  }
  return test;
}

function parseTextTest(parser: Parser, test: TextTest): Predicate {
  parser.at += 2;
  const operand = parseValue(parser);
  if (!acceptSign(parser, ',')) throw unexpected(parser, 'a comma');
  const argument = parseText(parser);
  if (!acceptSign(parser, ')')) throw unexpected(parser, ')');
  return { kind: 'text', test, operand, argument };
}

function parseList(parser: Parser): readonly Value[] {
  const open = peek(parser).span;
  if (!acceptSign(parser, '(')) throw unexpected(parser, 'a list in parentheses');
  const items: Value[] = [];
  do {
    if (items.length === MAX_LIST) throw invalidPredicate(open, `The list is longer than ${MAX_LIST}.`);
    items.push(parseValue(parser));
  } while (acceptSign(parser, ','));
  if (!acceptSign(parser, ')')) throw unexpected(parser, 'a comma or )');
  return items;
}

function parseText(parser: Parser): TextLiteral {
  const token = peek(parser);
  if (token.kind !== 'text') throw unexpected(parser, "a text such as 'open'");
  parser.at++;
  return token;
}

/** A column or a literal, perhaps in parentheses. */
function parseValue(parser: Parser): Value {
  if (acceptSign(parser, '(')) {
    return nested(parser, () => {
      const inner = parseValue(parser);
      if (!acceptSign(parser, ')')) throw unexpected(parser, ')');
      return inner;
    });
  }
  const token = peek(parser);
  if (token.kind === 'sign' && (token.text === '-' || token.text === '+')) return parseSigned(parser, token);
  parser.at++;
  if (token.kind === 'text' || token.kind === 'number') return token;
  if (token.kind === 'name') return parseWord(parser, token);
  parser.at--;
  throw unexpected(parser, 'a column or a value');
}

function parseSigned(parser: Parser, sign: Extract<Token, { kind: 'sign' }>): Literal {
  parser.at++;
  const number = peek(parser);
  if (number.kind !== 'number') {
    throw invalidPredicate(
      sign.span,
      'There is no arithmetic in filters: a sign stands before a number only.',
    );
  }
  parser.at++;
  const unscaled = sign.text === '-' ? -number.unscaled : number.unscaled;
  return { ...number, unscaled, span: { ...number.span, start: sign.span.start } };
}

function parseWord(parser: Parser, token: Extract<Token, { kind: 'name' }>): Value {
  const word = token.quoted ? '' : token.text.toLowerCase();
  if (word === 'true' || word === 'false') {
    return { kind: 'boolean', value: word === 'true', span: token.span };
  }
  if (word === 'null') return { kind: 'null', span: token.span };
  const text = peek(parser);
  if ((word === 'timestamp' || word === 'timestamptz' || word === 'date') && text.kind === 'text') {
    parser.at++;
    return timeLiteral(word, text);
  }
  if (RESERVED.includes(word)) {
    parser.at--;
    throw unexpected(parser, 'a column or a value');
  }
  return parseColumn(parser, token);
}

function timeLiteral(word: 'timestamp' | 'timestamptz' | 'date', text: TextLiteral): TimeLiteral {
  const kind = word === 'date' ? 'date' : 'timestamp';
  const parsed = parseDateTime(text.text);
  if (parsed === undefined || (kind === 'date' && parsed.hasTime)) {
    throw invalidPredicate(
      text.span,
      kind === 'date' ? "A date is written '2026-01-31'." : "A time is written '2026-01-31T10:00:00Z'.",
    );
  }
  if (word === 'timestamp' && parsed.hasOffset) {
    throw invalidPredicate(
      text.span,
      'SQL leaves out the zone of a TIMESTAMP: write TIMESTAMPTZ, or the time in UTC.',
    );
  }
  return { kind, micros: parsed.micros, span: text.span };
}

function parseColumn(parser: Parser, first: Extract<Token, { kind: 'name' }>): ColumnReference {
  const path = [first.text];
  let end = first.span.end;
  while (acceptSign(parser, '.')) {
    const next = peek(parser);
    if (next.kind !== 'name') throw unexpected(parser, 'the name of a field');
    path.push(next.text);
    end = next.span.end;
    parser.at++;
  }
  if (path.length > MAX_DEPTH) throw tooDeep(first.span);
  return { kind: 'column', path, span: { ...first.span, end } };
}

function asValue(parser: Parser, operand: Predicate): Value {
  if (operand.kind === 'value') return operand.value;
  const before = parser.tokens[Math.max(0, parser.at - 1)] ?? peek(parser);
  throw invalidPredicate(before.span, 'Only a column or a value can be compared, not a condition.');
}

function nested<T>(parser: Parser, parse: () => T): T {
  if (++parser.depth > MAX_DEPTH) throw tooDeep(peek(parser).span);
  const result = parse();
  parser.depth--;
  return result;
}

function tooDeep(span: Span): Error {
  return invalidPredicate(span, `The filter is nested deeper than ${MAX_DEPTH}.`);
}

function peek(parser: Parser): Token {
  // The list ends with an `end` token, which nothing steps over.
  return parser.tokens[parser.at] as Token;
}

function acceptWord(parser: Parser, word: string): boolean {
  const token = peek(parser);
  if (token.kind !== 'name' || token.quoted || token.text.toLowerCase() !== word) return false;
  parser.at++;
  return true;
}

function acceptSign(parser: Parser, sign: Sign): boolean {
  const token = peek(parser);
  if (token.kind !== 'sign' || token.text !== sign) return false;
  parser.at++;
  return true;
}

function unexpected(parser: Parser, wanted: string): Error {
  const { span } = peek(parser);
  return invalidPredicate(
    span,
    span.start === span.source.length
      ? `The filter ends where ${wanted} should follow.`
      : `Expected ${wanted} here.`,
  );
}
