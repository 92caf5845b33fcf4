import { HakiriError } from '../errors.ts';
import { nearestNames } from '../suggest.ts';
import { type Field, isInteger, type LogicalType, typeName } from '../types/logical-type.ts';
import type { TableSchema } from '../types/table-schema.ts';
import { widen } from '../types/widen.ts';
import type { ColumnReference, Literal, Predicate, Value } from './ast.ts';
import { type Bound, type BoundColumn, type BoundOp, decide } from './bound.ts';
import { compareScalars, type Scalar } from './compare.ts';
import { excerpt, invalidPredicate } from './invalid.ts';
import { matchesLike, matchesText } from './text-match.ts';
import { DAY_MICROS, floorDivide, parseDateTime, parseTimeOfDay } from './time.ts';

type Operand = BoundColumn | Literal;

const FLIPPED: Readonly<Record<BoundOp, BoundOp>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  distinct: 'distinct',
  not_distinct: 'not_distinct',
};

/** Year 1 to year 9999: what a literal can be written as without question. */
const FIRST_MICROS = -62_135_596_800_000_000n;
const LAST_MICROS = 253_402_300_799_999_999n;

/**
 * Finds every column and checks every type. Throws `query.unknown_column` with the nearest names,
 * `predicate.invalid` where types do not go together.
 */
export function bind(predicate: Predicate, schema: TableSchema): Bound {
  const again = (inner: Predicate): Bound => bind(inner, schema);
  const resolve = (value: Value): Operand => resolveOperand(value, schema);
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return { kind: predicate.kind, operands: predicate.operands.map(again) };
    case 'not':
      return { kind: 'not', operand: again(predicate.operand) };
    case 'value':
      return bindTruth(resolve(predicate.value));
    case 'is_null':
      return bindIsNull(predicate, schema);
    case 'is_boolean':
      return { ...predicate, operand: again(predicate.operand) };
    case 'compare':
      return bindCompare(predicate.op, resolve(predicate.left), resolve(predicate.right));
    case 'distinct': {
      const op = predicate.negated ? 'not_distinct' : 'distinct';
      return bindCompare(op, resolve(predicate.left), resolve(predicate.right));
    }
    case 'between': {
      const operand = resolve(predicate.operand);
      const bounds = [
        bindCompare('>=', operand, resolve(predicate.low)),
        bindCompare('<=', operand, resolve(predicate.high)),
      ];
      return negate(predicate.negated, { kind: 'and', operands: bounds });
    }
    case 'in':
      return negate(predicate.negated, bindIn(resolve(predicate.operand), predicate.items.map(resolve)));
    case 'like': {
      const { ignoreCase, pattern } = predicate;
      const escapeSign = predicate.escape?.text;
      const operand = textOperand(resolve(predicate.operand), ignoreCase ? 'ILIKE' : 'LIKE');
      if (operand === undefined) return UNKNOWN;
      return negate(
        predicate.negated,
        operand.kind === 'text'
          ? constant(matchesLike(pattern.text, escapeSign, ignoreCase)(operand.text))
          : { kind: 'like', column: operand, ignoreCase, pattern: pattern.text, escapeSign },
      );
    }
    case 'text': {
      const resolved = resolve(predicate.operand);
      const argument = predicate.argument.text;
      if (predicate.test === 'contains' && isListOfText(resolved)) {
        return { kind: 'holds', column: resolved, item: argument };
      }
      const operand = textOperand(resolved, predicate.test);
      if (operand === undefined) return UNKNOWN;
      if (operand.kind === 'text') return constant(matchesText(predicate.test, argument)(operand.text));
      return { kind: 'text', test: predicate.test, column: operand, argument };
    }
  }
}

const UNKNOWN: Bound = { kind: 'constant', value: null };

function constant(value: boolean | null): Bound {
  return { kind: 'constant', value };
}

function negate(negated: boolean, operand: Bound): Bound {
  return negated ? { kind: 'not', operand } : operand;
}

function bindTruth(operand: Operand): Bound {
  if (operand.kind === 'null') return UNKNOWN;
  if (operand.kind === 'boolean') return constant(operand.value);
  if (operand.kind === 'column' && operand.type.kind === 'boolean') return { kind: 'truth', column: operand };
  throw invalidPredicate(
    operand.span,
    `${describe(operand)} is neither true nor false: compare it with something.`,
  );
}

function bindIsNull(predicate: Extract<Predicate, { kind: 'is_null' }>, schema: TableSchema): Bound {
  const { negated, operand } = predicate;
  if (operand.kind !== 'value') return { kind: 'is_null', negated, operand: bind(operand, schema) };
  const value = resolveOperand(operand.value, schema);
  if (value.kind === 'column') return { kind: 'is_null', negated, operand: value };
  return constant((value.kind === 'null') !== negated);
}

function bindIn(operand: Operand, items: readonly Operand[]): Bound {
  if (operand.kind === 'null') return UNKNOWN;
  const alternatives: Bound[] = [];
  const values: Scalar[] = [];
  for (const item of items) {
    const equal = bindCompare('=', operand, item);
    if (equal.kind === 'compare' && equal.left === operand && equal.right.kind === 'literal') {
      values.push(equal.right.value);
    } else if (alternatives.length === 0 || equal.kind !== 'unless_null') {
      // Values the column cannot have all say the same: one of them is enough.
      alternatives.push(equal);
    }
  }
  const column = operand.kind === 'column' ? operand : undefined;
  if (column !== undefined && values.length > 0) {
    alternatives.push({ kind: 'in', type: column.type, column, items: values });
  }
  return { kind: 'or', operands: alternatives };
}

function bindCompare(op: BoundOp, left: Operand, right: Operand): Bound {
  if (left.kind === 'null' || right.kind === 'null') return compareWithNull(op, left, right);
  if (left.kind === 'column' && right.kind === 'column') return compareColumns(op, left, right);
  if (left.kind === 'column') return compareWithLiteral(op, left, right as Literal);
  if (right.kind === 'column') return compareWithLiteral(FLIPPED[op], right, left);
  return compareLiterals(op, left, right);
}

function compareWithNull(op: BoundOp, left: Operand, right: Operand): Bound {
  if (op !== 'distinct' && op !== 'not_distinct') return UNKNOWN;
  const other = left.kind === 'null' ? right : left;
  const negated = op === 'distinct';
  if (other.kind === 'column') return { kind: 'is_null', negated, operand: other };
  return constant((other.kind === 'null') !== negated);
}

function compareColumns(op: BoundOp, left: BoundColumn, right: BoundColumn): Bound {
  const type = commonType(left, right);
  return { kind: 'compare', op, type, left, right };
}

function commonType(left: BoundColumn, right: BoundColumn): LogicalType {
  requireComparable(left);
  requireComparable(right);
  if (isNumber(left.type) && isNumber(right.type)) {
    const exact = widen(left.type, right.type);
    if (exact !== undefined) return exact;
    const noDecimal = left.type.kind !== 'decimal' && right.type.kind !== 'decimal';
    if (noDecimal) return { kind: 'double' };
  } else if (left.type.kind === right.type.kind) {
    return left.type;
  }
  throw invalidPredicate(right.span, `${describe(left)} and ${describe(right)} cannot be compared.`, {
    ...(isTime(left.type) && isTime(right.type)
      ? { hint: 'Whether one is before the other depends on a time zone: compare each with a literal.' }
      : {}),
  });
}

function compareWithLiteral(op: BoundOp, column: BoundColumn, literal: Literal): Bound {
  requireComparable(column);
  const { type } = column;
  if (isInteger(type) || type.kind === 'decimal') {
    if (literal.kind !== 'number') throw mismatch(column, literal);
    return compareExactly(op, column, literal.unscaled, literal.scale);
  }
  const value = literalValue(column, literal);
  return { kind: 'compare', op, type, left: column, right: { kind: 'literal', value } };
}

function literalValue(column: BoundColumn, literal: Literal): Scalar {
  const { kind } = column.type;
  if (kind === 'boolean' && literal.kind === 'boolean') return literal.value;
  if (kind === 'string' && literal.kind === 'text') return literal.text;
  if (kind === 'double' && literal.kind === 'number') return toDouble(literal.unscaled, literal.scale);
  if (kind === 'time' && literal.kind === 'text') {
    const micros = parseTimeOfDay(literal.text);
    if (micros === undefined) {
      throw invalidPredicate(literal.span, "A time of day is written '10:30:00'.");
    }
    return micros;
  }
  if (kind === 'timestamp' || kind === 'datetime') return literalMicros(column, literal);
  if (kind === 'date') {
    const micros = literalMicros(column, literal);
    if (micros % DAY_MICROS !== 0n) {
      throw invalidPredicate(
        literal.span,
        `${describe(column)} is compared with a date such as '2026-01-31'.`,
      );
    }
    return floorDivide(micros, DAY_MICROS);
  }
  throw mismatch(column, literal);
}

function literalMicros(column: BoundColumn, literal: Literal): bigint {
  if (literal.kind !== 'text' && literal.kind !== 'timestamp' && literal.kind !== 'date') {
    throw mismatch(column, literal);
  }
  const parsed = literal.kind === 'text' ? parseDateTime(literal.text) : undefined;
  const micros = literal.kind === 'text' ? parsed?.micros : literal.micros;
  if (micros === undefined || micros < FIRST_MICROS || micros > LAST_MICROS) {
    throw invalidPredicate(
      literal.span,
      `${describe(column)} is compared with a time such as '2026-01-31T10:00:00Z', from year 1 to 9999.`,
    );
  }
  if (parsed?.hasOffset === true && column.type.kind !== 'timestamp') {
    throw invalidPredicate(
      literal.span,
      `${describe(column)} has no zone: leave the zone out of the text too.`,
    );
  }
  return micros;
}

/**
 * An integer or decimal column against any number, exactly: the number is brought to the column's own steps.
 * One that lies between two steps, or past the ends, becomes the nearest comparison that means the same.
 */
function compareExactly(op: BoundOp, column: BoundColumn, unscaled: bigint, scale: number): Bound {
  const { columnScale, limit, lowest } = exactRange(column.type);
  const divisor = 10n ** BigInt(Math.max(0, scale - columnScale));
  const scaled = unscaled * 10n ** BigInt(Math.max(0, columnScale - scale));
  const step = floorDivide(scaled, divisor);
  const isStep = step * divisor === scaled;
  if (isStep && step >= lowest && step <= limit) {
    return { kind: 'compare', op, type: column.type, left: column, right: { kind: 'literal', value: step } };
  }
  if (op === 'distinct' || op === 'not_distinct') return constant(op === 'distinct');
  if (op === '=' || op === '<>') return { kind: 'unless_null', value: op === '<>', column };
  const isBelow = op === '<' || op === '<=';
  if (step >= limit) return { kind: 'unless_null', value: isBelow, column };
  if (step < lowest) return { kind: 'unless_null', value: !isBelow, column };
  return {
    kind: 'compare',
    op: isBelow ? '<=' : '>',
    type: column.type,
    left: column,
    right: { kind: 'literal', value: step },
  };
}

/** The values a column of this type can have, in units of its smallest step. */
function exactRange(type: LogicalType): { columnScale: number; lowest: bigint; limit: bigint } {
  if (type.kind === 'decimal') {
    const limit = 10n ** BigInt(type.precision) - 1n;
    return { columnScale: type.scale, lowest: -limit, limit };
  }
  const limit = 2n ** BigInt(Number(type.kind.slice('int'.length)) - 1) - 1n;
  return { columnScale: 0, lowest: -limit - 1n, limit };
}

/** The nearest double, ties to even: what the text of the number parses to. */
function toDouble(unscaled: bigint, scale: number): number {
  return Number(`${unscaled}e${-scale}`);
}

function compareLiterals(op: BoundOp, left: Literal, right: Literal): Bound {
  const pair = literalPair(left, right) ?? literalPair(right, left)?.toReversed();
  const [a, b] = pair ?? [];
  if (a === undefined || b === undefined) {
    throw invalidPredicate(right.span, `${describe(left)} and ${describe(right)} cannot be compared.`);
  }
  return constant(decide(op, compareScalars(a, b)));
}

/** Two literals as values of one type; undefined when the first cannot take the second. */
function literalPair(left: Literal, right: Literal): readonly Scalar[] | undefined {
  if (left.kind === 'number' && right.kind === 'number') {
    const scale = Math.max(left.scale, right.scale);
    return [left, right].map((each) => each.unscaled * 10n ** BigInt(scale - each.scale));
  }
  if (left.kind === 'text' && right.kind === 'text') return [left.text, right.text];
  if (left.kind === 'boolean' && right.kind === 'boolean') return [left.value, right.value];
  if (left.kind !== 'timestamp' && left.kind !== 'date') return undefined;
  if (right.kind === 'timestamp' || right.kind === 'date') return [left.micros, right.micros];
  const parsed = right.kind === 'text' ? parseDateTime(right.text) : undefined;
  return parsed && [left.micros, parsed.micros];
}

function isListOfText(operand: Operand): operand is BoundColumn {
  return operand.kind === 'column' && operand.type.kind === 'list' && operand.type.item.kind === 'string';
}

function textOperand(
  operand: Operand,
  what: string,
): BoundColumn | Extract<Literal, { kind: 'text' }> | undefined {
  if (operand.kind === 'null') return undefined;
  if (operand.kind === 'text') return operand;
  if (operand.kind === 'column' && operand.type.kind === 'string') return operand;
  throw invalidPredicate(operand.span, `${what} takes text; ${describe(operand)} is not.`);
}

/** A column that was only ever null is NULL: whatever it is compared with, and whatever the engine calls it. */
function resolveOperand(value: Value, schema: TableSchema): Operand {
  if (value.kind !== 'column') return value;
  const column = resolveColumn(value, schema);
  return column.type.kind === 'undecided' ? { kind: 'null', span: value.span } : column;
}

function resolveColumn(reference: ColumnReference, schema: TableSchema): BoundColumn {
  const path: string[] = [];
  let type: LogicalType = { kind: 'struct', fields: schema.columns };
  for (const name of reference.path) {
    if (type.kind === 'undecided') break;
    if (type.kind !== 'struct') {
      throw invalidPredicate(
        reference.span,
        `${path.join('.')} is ${typeName(type)}: it has no fields a filter can reach.`,
      );
    }
    const field: Field | undefined = findByName(name, type.fields);
    if (field === undefined) throw unknownColumn(reference, path, name, type.fields);
    path.push(field.name);
    type = field.type;
  }
  return { kind: 'column', path, type, span: reference.span };
}

/** The exact name, else the only one that differs in nothing but case. */
function findByName<T extends { readonly name: string }>(name: string, among: readonly T[]): T | undefined {
  const exact = among.find((each) => each.name === name);
  if (exact !== undefined) return exact;
  const folded = among.filter((each) => each.name.toLowerCase() === name.toLowerCase());
  return folded.length === 1 ? folded[0] : undefined;
}

function unknownColumn(
  reference: ColumnReference,
  parents: readonly string[],
  name: string,
  among: readonly { readonly name: string }[],
): HakiriError {
  const whole = [...parents, name].join('.');
  const near = nearestNames(
    name,
    among.map((each) => each.name),
  ).map((each) => [...parents, each].join('.'));
  return new HakiriError(
    'query.unknown_column',
    `There is no column "${whole}".\n${excerpt(reference.span)}`,
    {
      ...(near.length > 0 ? { hint: `Did you mean ${near.join(' or ')}?` } : {}),
      details: { column: whole, position: reference.span.start + 1 },
    },
  );
}

function requireComparable(column: BoundColumn): void {
  const { kind } = column.type;
  if (kind === 'json' || kind === 'bytes' || kind === 'list' || kind === 'struct') {
    throw invalidPredicate(column.span, `${describe(column)} can only be tested with IS NULL.`);
  }
}

function isNumber(type: LogicalType): boolean {
  return isInteger(type) || type.kind === 'decimal' || type.kind === 'double';
}

function isTime(type: LogicalType): boolean {
  return type.kind === 'timestamp' || type.kind === 'datetime' || type.kind === 'date';
}

function mismatch(column: BoundColumn, literal: Literal): HakiriError {
  const isTextTime =
    column.type.kind === 'string' && (literal.kind === 'timestamp' || literal.kind === 'date');
  return invalidPredicate(
    literal.span,
    `${describe(column)} cannot be compared with ${describe(literal)}.`,
    isTextTime ? { hint: "Compare text with text, '2026-01-31', or declare the column a timestamp." } : {},
  );
}

function describe(operand: Operand): string {
  switch (operand.kind) {
    case 'column':
      return `${operand.path.join('.')} (${shortType(operand.type)})`;
    case 'text':
      return 'a text';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'a boolean';
    case 'null':
      return 'NULL';
    case 'timestamp':
    case 'date':
      return `a ${operand.kind}`;
  }
}

function shortType(type: LogicalType): string {
  return type.kind === 'struct' || type.kind === 'list' ? type.kind : typeName(type);
}
