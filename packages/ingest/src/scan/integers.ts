import type { LogicalType } from '@hakiri/core';

export interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
}

/** Doubles hold every integer up to here. */
const MAX_EXACT_DOUBLE = 2n ** 53n;

/** Integer types from the narrowest to the widest. */
const INTEGER_KINDS = ['int8', 'int16', 'int32', 'int64'] as const;
type IntegerKind = (typeof INTEGER_KINDS)[number];

const RANGES: Readonly<Record<IntegerKind, IntegerRange>> = {
  int8: rangeOf(8n),
  int16: rangeOf(16n),
  int32: rangeOf(32n),
  int64: rangeOf(64n),
};

function rangeOf(bits: bigint): IntegerRange {
  return { min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n };
}

export function integerRange(type: LogicalType): IntegerRange | undefined {
  return RANGES[type.kind as IntegerKind];
}

export function inRange(range: IntegerRange, value: bigint): boolean {
  return value >= range.min && value <= range.max;
}

/** The narrowest type that holds the value, undefined past 64 bits. */
export function narrowestKind(value: bigint): IntegerKind | undefined {
  return INTEGER_KINDS.find((kind) => inRange(RANGES[kind], value));
}

export function isExactDouble(value: bigint): boolean {
  return value <= MAX_EXACT_DOUBLE && value >= -MAX_EXACT_DOUBLE;
}

/** Longer than any integer a column can hold: such a number is not worked out. */
const MAX_DIGITS = 40;

/** The integer a JSON number stands for, `1.50e1` for example; undefined when it has a fraction or is far too large. */
export function integerOf(token: string): bigint | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return 0n;
  const zeros = Number(exponent) - fraction.length + (digits.length - significant.length);
  if (zeros < 0 || significant.length + zeros > MAX_DIGITS) return undefined;
  return BigInt(sign + significant + '0'.repeat(zeros));
}
