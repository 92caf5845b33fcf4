/**
 * A value in the form in which it is compared: integers, decimals (unscaled) and times (days, or microseconds)
 * as bigint, doubles as number.
 */
export type Scalar = bigint | number | string | boolean;

/** Below zero, zero or above as `a` sorts before, with or after `b`. Both of one type. Orders as the engine does. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'number' && typeof b === 'number') return compareDoubles(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** NaN equals NaN and is greater than all else; the zeros are equal. */
function compareDoubles(a: number, b: number): number {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By UTF-8 bytes, which is by code point: UTF-16 units differ where surrogates meet U+E000 to U+FFFF. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
