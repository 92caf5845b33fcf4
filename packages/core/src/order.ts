import { HakiriError } from './errors.ts';
import { type RunId, ulidTimeMs } from './ids.ts';
import { compareText } from './predicate/compare.ts';
import type { LogicalType } from './types/logical-type.ts';
import { quoteLiteral } from './types/sql-type.ts';

/**
 * `_hakiri_order` decides alone which row of a key wins: the greatest, compared as bytes. It reads
 *
 *     <rank><value>-<lease generation>-<run>-<sequence>
 *
 * where rank tells kinds of value apart (0 none, 1 number, 2 time, 3 text) and value is written so that bytes
 * sort as the values do: fixed width for numbers and times; text ended by a NUL, so that it sorts before every
 * longer text that starts with it (a NUL within is followed by U+00FF). Nothing here reads the clock.
 */
export interface OrderSuffix {
  /** Generation of the pipeline's lease; 0 without sync. */
  readonly generation: number;
  readonly run: RunId;
}

/** Every sum has nineteen digits, for years from -93000 to 167000. */
const TIME_OFFSET = 4_000_000_000_000_000_000n;
/** Every sum has twenty digits. */
const INT_OFFSET = 20_000_000_000_000_000_000n;
/** Every sum has thirty-eight digits, once filled up. */
const DECIMAL_OFFSET = 5n * 10n ** 37n;
const SEQUENCE_OFFSET = 1_000_000_000;
const GENERATION_DIGITS = 8;

/** The value part of a row that has none, in a table where none was seen before: less than any other. */
export const NO_VALUE = '0';

/** The value of a table without an incremental column: the time in the run's id, in microseconds. */
export function runTimeValue(run: RunId): string {
  return timeValue(BigInt(ulidTimeMs(run)) * 1000n);
}

/** @param micros microseconds since 1970 UTC */
export function timeValue(micros: bigint): string {
  return `2${micros + TIME_OFFSET}`;
}

export function integerValue(value: bigint): string {
  return `1${value + INT_OFFSET}`;
}

export function textValue(value: string): string {
  return `3${value.replaceAll('\0', '\0\u00ff')}\0`;
}

/** @param unscaled the decimal's digits without its point: 1.50 at scale 2 is 150 */
export function decimalValue(unscaled: bigint): string {
  return `1${String(unscaled + DECIMAL_OFFSET).padStart(38, '0')}`;
}

/** A finite number. Sign, exponent and digits, complemented below zero. */
export function doubleValue(value: number): string {
  if (value === 0 || Number.isNaN(value)) return '15000';
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential(16).split('e');
  const digits = `${String(Number(exponent) + 500).padStart(3, '0')}${mantissa.replace('.', '')}`;
  return value > 0 ? `16${digits}` : `14${complement(digits)}`;
}

function complement(digits: string): string {
  return digits.replace(/[0-9]/g, (digit) => String(9 - Number(digit)));
}

/** @param sequence position of the row in its run, from 0 */
export function orderKey(value: string, suffix: OrderSuffix, sequence: number): string {
  return `${value}${suffixText(suffix)}${SEQUENCE_OFFSET + sequence}`;
}

function suffixText({ generation, run }: OrderSuffix): string {
  return `-${String(generation).padStart(GENERATION_DIGITS, '0')}-${run}-`;
}

/** Of two order keys; null is none. */
export function greaterOrder(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return compareText(a, b) >= 0 ? a : b;
}

/** The value part of an order key: what a row without a value inherits. */
export function orderValueOf(key: string): string {
  return key.slice(0, key.length - suffixText({ generation: 0, run: '0'.repeat(26) as RunId }).length - 10);
}

/**
 * SQL for the value part of the key from a column of the given type; null where the column is null.
 * @throws HakiriError manifest.wrong_type for a type that has no order
 */
export function orderValueSql(column: string, type: LogicalType): string {
  return orderSql({ sql: column, type, whenNull: 'NULL' }, []);
}

export interface OrderKeyColumn {
  readonly sql: string;
  readonly type: LogicalType;
  /** SQL for the value part where the column is null. */
  readonly whenNull: string;
}

/**
 * SQL for the whole key. `value` is the incremental column, or SQL for a value part that is there already;
 * `sequence` gives the row's position in its run.
 */
export function orderKeySql(value: OrderKeyColumn | string, suffix: OrderSuffix, sequence: string): string {
  const tail = [quoteLiteral(suffixText(suffix)), `(${sequence} + ${SEQUENCE_OFFSET})::VARCHAR`];
  return typeof value === 'string' ? join([value, ...tail]) : orderSql(value, tail);
}

/** One concatenation a row: each more would be one more copy of the text. */
function orderSql({ sql, type, whenNull }: OrderKeyColumn, tail: readonly string[]): string {
  const arms =
    type.kind === 'string' || type.kind === 'undecided'
      ? [
          `WHEN NOT contains(${sql}, chr(0)) THEN ${join([`'3'`, sql, 'chr(0)', ...tail])}`,
          `WHEN ${sql} IS NOT NULL THEN ${join([`'3'`, `replace(${sql}, chr(0), chr(0) || chr(255))`, 'chr(0)', ...tail])}`,
        ]
      : [`WHEN ${sql} IS NOT NULL THEN ${join([...valuePieces(sql, type), ...tail])}`];
  return `CASE ${arms.join(' ')} ELSE ${join([whenNull, ...tail])} END`;
}

const join = (pieces: readonly string[]): string =>
  pieces.length === 1 ? (pieces[0] ?? '') : `concat(${pieces.join(', ')})`;

/** Texts that make up the value part of a number or a time that is not null. */
function valuePieces(column: string, type: LogicalType): readonly string[] {
  switch (type.kind) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return [`'1'`, `(${column}::HUGEINT + ${INT_OFFSET})::VARCHAR`];
    case 'timestamp':
    case 'datetime':
      return [`'2'`, `(epoch_us(${column}) + ${TIME_OFFSET})::VARCHAR`];
    case 'date':
      return [`'2'`, `(epoch_us(${column}::TIMESTAMP) + ${TIME_OFFSET})::VARCHAR`];
    case 'double':
      return [doubleSql(column)];
    case 'decimal':
      return [
        `'1'`,
        `lpad((replace(${column}::VARCHAR, '.', '')::HUGEINT + ${DECIMAL_OFFSET})::VARCHAR, 38, '0')`,
      ];
    default:
      throw new HakiriError('manifest.wrong_type', `A column of type ${type.kind} cannot be incremental`, {
        hint: 'Choose a number, a time or a text that grows when a row changes.',
      });
  }
}

function doubleSql(column: string): string {
  const parts = `string_split(printf('%.16e', abs(${column})), 'e')`;
  const digits = `lpad((${parts}[2]::INTEGER + 500)::VARCHAR, 3, '0') || replace(${parts}[1], '.', '')`;
  return `CASE WHEN ${column} = 0 OR isnan(${column}) THEN '15000' WHEN ${column} > 0 THEN '16' || ${digits} ELSE '14' || translate(${digits}, '0123456789', '9876543210') END`;
}
