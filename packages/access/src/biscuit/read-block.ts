import {
  BLOCK_VERSION,
  type Block,
  type Fact,
  MAX_STATEMENTS,
  type Term,
  THIRD_PARTY_BLOCK_VERSION,
  TIME_OPS,
  type TimeCheck,
} from './block.ts';
import { malformed, tooLarge } from './malformed.ts';
import { type Message, readMessage, readText, type Shape } from './read-message.ts';
import type { Symbols } from './symbols.ts';

// Fields that are known and not here (context, rules, scopes, public keys, other terms and operations) are refused
// like unknown ones.
const BLOCK: Shape = {
  1: ['bytes', 'many'],
  3: ['number', 'one'],
  4: ['bytes', 'many'],
  6: ['bytes', 'many'],
};
const FACT: Shape = { 1: ['bytes', 'one'] };
const PREDICATE: Shape = { 1: ['number', 'one'], 2: ['bytes', 'many'] };
const TERM: Shape = { 2: ['number', 'optional'], 3: ['number', 'optional'], 7: ['bytes', 'optional'] };
const TEXT: Shape = { 3: ['number', 'one'] };
const SET: Shape = { 1: ['bytes', 'many'] };
const CHECK: Shape = { 1: ['bytes', 'one'], 2: ['number', 'optional'] };
const QUERY: Shape = { 1: ['bytes', 'one'], 2: ['bytes', 'one'], 3: ['bytes', 'many'] };
const EXPRESSION: Shape = { 1: ['bytes', 'many'] };
const VALUE_OP: Shape = { 1: ['bytes', 'one'] };
const BINARY_OP: Shape = { 3: ['bytes', 'one'] };
const BINARY: Shape = { 1: ['number', 'one'] };
const VARIABLE: Shape = { 1: ['number', 'one'] };
const DATE: Shape = { 4: ['number', 'one'] };

/** 9999-12-31T23:59:59Z: what lies after it has no written form. */
const MAX_SECONDS = 253_402_300_799;

/**
 * @param symbols of the blocks before; those of this one are added
 * @throws HakiriError token.invalid for what is damaged, and for what is more than facts and checks of the time;
 * token.too_large
 */
export function readBlock(bytes: Uint8Array, symbols: Symbols): Block {
  const block = readMessage(bytes, BLOCK);
  const version = block.number(3);
  if (version < BLOCK_VERSION || version > THIRD_PARTY_BLOCK_VERSION)
    throw malformed(`a block has version ${version}`);
  if (block.all(4).length + block.all(6).length > MAX_STATEMENTS) {
    throw tooLarge(`a block says more than ${MAX_STATEMENTS} things`);
  }
  symbols.add(block.all(1).map(readText));
  return {
    facts: block.all(4).map((fact) => readFact(readMessage(fact, FACT).bytes(1), symbols)),
    checks: block.all(6).map((check) => readCheck(check, symbols)),
  };
}

function readFact(bytes: Uint8Array, symbols: Symbols): Fact {
  const predicate = readMessage(bytes, PREDICATE);
  return {
    name: symbols.text(predicate.number(1)),
    terms: predicate.all(2).map((term) => readTerm(term, symbols)),
  };
}

function readTerm(bytes: Uint8Array, symbols: Symbols): Term {
  const term = readMessage(bytes, TERM);
  switch (term.only) {
    case 2:
      return { kind: 'integer', value: term.number(2) };
    case 3:
      return { kind: 'text', text: symbols.text(term.number(3)) };
    default:
      return { kind: 'texts', texts: readTexts(term.bytes(7), symbols) };
  }
}

/** A set holds texts alone: one that held sets could be as deep as a token is long. */
function readTexts(bytes: Uint8Array, symbols: Symbols): readonly string[] {
  const texts = readMessage(bytes, SET)
    .all(1)
    .map((item) => symbols.text(readMessage(item, TEXT).number(3)));
  if (new Set(texts).size < texts.length) throw malformed('a set holds a text twice');
  return texts;
}

function readCheck(bytes: Uint8Array, symbols: Symbols): TimeCheck {
  const check = readMessage(bytes, CHECK);
  // 0 is `check if`; the others are `check all` and `reject if`.
  if (check.has(2) && check.number(2) !== 0) throw malformed('a check is not of the time');
  const query = readMessage(check.bytes(1), QUERY);
  const head = readMessage(query.bytes(1), PREDICATE);
  const body = readMessage(query.bytes(2), PREDICATE);
  const [variable, second] = body.all(2);
  if (
    symbols.text(head.number(1)) !== 'query' ||
    head.all(2).length > 0 ||
    symbols.text(body.number(1)) !== 'time' ||
    variable === undefined ||
    second !== undefined ||
    query.all(3).length === 0
  ) {
    throw malformed('a check is not of the time');
  }
  const name = readMessage(variable, VARIABLE).number(1);
  symbols.text(name);
  return query.all(3).map((expression) => readBound(expression, name));
}

/** `$variable OP DATE`, in this order. */
function readBound(bytes: Uint8Array, variable: number): TimeCheck[number] {
  const [left, right, operation, more] = readMessage(bytes, EXPRESSION).all(1);
  if (left === undefined || right === undefined || operation === undefined || more !== undefined) {
    throw malformed('a check is not of the time');
  }
  const value = (op: Uint8Array, shape: Shape): Message =>
    readMessage(readMessage(op, VALUE_OP).bytes(1), shape);
  const op = TIME_OPS[readMessage(readMessage(operation, BINARY_OP).bytes(3), BINARY).number(1)];
  const seconds = value(right, DATE).number(4);
  if (op === undefined || value(left, VARIABLE).number(1) !== variable || seconds > MAX_SECONDS) {
    throw malformed('a check is not of the time');
  }
  return { op, seconds };
}
