import { HakiriError } from '../errors.ts';
import type { LogicalType } from '../types/logical-type.ts';
import type { TableSchema } from '../types/table-schema.ts';
import type { Predicate } from './ast.ts';
import { bind } from './bind.ts';
import { type Bound, type BoundColumn, decide } from './bound.ts';
import { compareScalars, type Scalar } from './compare.ts';
import { matchesLike, matchesText } from './text-match.ts';
import { DAY_MICROS, floorDivide, parseDateTime, parseTimeOfDay } from './time.ts';

/**
 * A decoded row: own properties named as the schema spells its columns. A missing or undefined property is NULL.
 *
 * | type | value |
 * |---|---|
 * | boolean | boolean |
 * | int8 to int64 | bigint, number or decimal digits in a string |
 * | decimal | bigint, number or a string such as "12.50" |
 * | double | number, or a string such as "0.5", "NaN", "Infinity", "-Infinity" |
 * | string | string, well formed |
 * | timestamp | ISO 8601 text (without a zone it is UTC), Date, or microseconds since 1970 UTC as bigint |
 * | datetime | ISO 8601 text without a zone, or microseconds as bigint |
 * | date | "2026-01-31", or Date at midnight UTC |
 * | time | "10:30:00.5", or microseconds since midnight as bigint |
 * | struct | object with the fields as own properties |
 * | list of strings | array of strings and nulls |
 * | bytes, json, other lists | anything: only whether it is null counts |
 */
export type PredicateRow = Readonly<Record<string, unknown>>;

/** SQL's three values. */
export type Truth = boolean | null;

/**
 * The filter as a function of a row, with SQL's three-valued logic; a row passes when the answer is `true`.
 * Throws `query.unknown_column`, `predicate.invalid`; the function throws `internal` for a value that is not
 * what `PredicateRow` says of its column's type.
 */
export function compilePredicate(predicate: Predicate, schema: TableSchema): (row: PredicateRow) => Truth {
  return compileBound(bind(predicate, schema));
}

function compileBound(bound: Bound): (row: PredicateRow) => Truth {
  switch (bound.kind) {
    case 'constant':
      return () => bound.value;
    case 'and':
      return combine(bound.operands.map(compileBound), false);
    case 'or':
      return combine(bound.operands.map(compileBound), true);
    case 'not': {
      const operand = compileBound(bound.operand);
      return (row) => {
        const truth = operand(row);
        return truth === null ? null : !truth;
      };
    }
    case 'is_null': {
      const { negated, operand } = bound;
      const read = operand.kind === 'column' ? rawReader(operand) : compileBound(operand);
      return (row) => (read(row) === null) !== negated;
    }
    case 'is_boolean': {
      const operand = compileBound(bound.operand);
      return (row) => (operand(row) === bound.value) !== bound.negated;
    }
    case 'truth':
      return overValue(bound.column, { kind: 'boolean' }, (value) => value === true);
    case 'unless_null': {
      const read = rawReader(bound.column);
      return (row) => (read(row) === null ? null : bound.value);
    }
    case 'compare':
      return compileCompare(bound);
    case 'in': {
      const items = new Set(bound.items);
      return overValue(bound.column, bound.type, (value) => items.has(value));
    }
    case 'like':
      return overText(bound.column, matchesLike(bound.pattern, bound.escapeSign, bound.ignoreCase));
    case 'text':
      return overText(bound.column, matchesText(bound.test, bound.argument));
    case 'holds': {
      const read = rawReader(bound.column);
      return (row) => {
        const list = read(row);
        return list === null ? null : requireList(list, bound.column).includes(bound.item);
      };
    }
  }
}

function requireList(value: unknown, { path }: BoundColumn): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new HakiriError('internal', `A value of ${path.join('.')} is not a list.`);
}

/** AND stops at the first false, OR at the first true; without one, any NULL makes the answer NULL. */
function combine(
  operands: readonly ((row: PredicateRow) => Truth)[],
  decisive: boolean,
): (row: PredicateRow) => Truth {
  return (row) => {
    let answer: Truth = !decisive;
    for (const operand of operands) {
      const truth = operand(row);
      if (truth === decisive) return decisive;
      if (truth === null) answer = null;
    }
    return answer;
  };
}

function compileCompare({
  op,
  type,
  left,
  right,
}: Extract<Bound, { kind: 'compare' }>): (row: PredicateRow) => Truth {
  const readLeft = reader(left, type);
  const readRight = right.kind === 'column' ? reader(right, type) : () => right.value;
  const nullsCount = op === 'distinct' || op === 'not_distinct';
  return (row) => {
    const a = readLeft(row);
    const b = readRight(row);
    if (a === null || b === null) return nullsCount ? (a === b) === (op === 'not_distinct') : null;
    return decide(op, compareScalars(a, b));
  };
}

function overText(column: BoundColumn, test: (text: string) => boolean): (row: PredicateRow) => Truth {
  return overValue(column, { kind: 'string' }, (value) => test(String(value)));
}

function overValue(
  column: BoundColumn,
  type: LogicalType,
  test: (value: Scalar) => boolean,
): (row: PredicateRow) => Truth {
  const read = reader(column, type);
  return (row) => {
    const value = read(row);
    return value === null ? null : test(value);
  };
}

/** The value as it came; null where it or a struct on the way to it is missing. */
function rawReader({ path }: BoundColumn): (row: PredicateRow) => unknown {
  return (row) => {
    let value: unknown = row;
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
      value = (value as PredicateRow)[name] ?? null;
    }
    return value;
  };
}

/** The column's value brought to the type it is compared in. */
function reader(column: BoundColumn, type: LogicalType): (row: PredicateRow) => Scalar | null {
  const read = rawReader(column);
  const decode = decoder(type);
  return (row) => {
    const raw = read(row);
    if (raw === null) return null;
    const value = decode(raw);
    if (value === undefined) {
      throw new HakiriError(
        'internal',
        `A value of ${column.path.join('.')} is not what its type, ${column.type.kind}, says.`,
      );
    }
    return value;
  };
}

function decoder(type: LogicalType): (raw: unknown) => Scalar | undefined {
  switch (type.kind) {
    case 'boolean':
      return (raw) => (typeof raw === 'boolean' ? raw : undefined);
    case 'string':
      return (raw) => (typeof raw === 'string' ? raw : undefined);
    case 'double':
      return decodeDouble;
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return (raw) => decodeExact(raw, 0);
    case 'decimal':
      return (raw) => decodeExact(raw, type.scale);
    case 'timestamp':
    case 'datetime':
      return decodeMicros;
    case 'date':
      return (raw) => {
        const micros = decodeMicros(raw);
        return micros === undefined ? undefined : floorDivide(micros, DAY_MICROS);
      };
    case 'time':
      return (raw) => (typeof raw === 'string' ? parseTimeOfDay(raw) : decodeMicros(raw));
    default:
      return () => undefined;
  }
}

function decodeDouble(raw: unknown): number | undefined {
  if (typeof raw === 'number') return raw;
  if (typeof raw === 'bigint') return Number(raw);
  if (typeof raw !== 'string' || raw.trim() === '') return undefined;
  const value = Number(raw);
  return Number.isNaN(value) && raw !== 'NaN' ? undefined : value;
}

const EXACT = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i;

/** Units of 10^-scale; undefined for what is not a number of at most that many decimals. */
function decodeExact(raw: unknown, scale: number): bigint | undefined {
  if (typeof raw === 'bigint') return raw * 10n ** BigInt(scale);
  if (typeof raw === 'number' && scale === 0) return Number.isInteger(raw) ? BigInt(raw) : undefined;
  if (typeof raw !== 'string' && typeof raw !== 'number') return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = EXACT.exec(String(raw)) ?? [];
  if (whole + fraction === '') return undefined;
  const shift = scale - fraction.length + Number(exponent);
  const digits = BigInt(sign + whole + fraction || '0');
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : undefined;
}

function decodeMicros(raw: unknown): bigint | undefined {
  if (typeof raw === 'bigint') return raw;
  if (raw instanceof Date) return Number.isNaN(raw.getTime()) ? undefined : BigInt(raw.getTime()) * 1000n;
  return typeof raw === 'string' ? parseDateTime(raw)?.micros : undefined;
}
