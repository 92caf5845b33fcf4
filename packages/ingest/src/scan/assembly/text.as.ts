// Tokens of JSON text in memory. A position of 0 means: not here, or not plain; the caller gives up.
// Text ends in a byte no token may hold (a newline, or the zeros behind the data), so no loop needs an end.

export const QUOTE: u32 = 0x22;
export const BACKSLASH: u32 = 0x5c;
export const NEWLINE: u32 = 0x0a;

/** Past spaces, tabs and carriage returns. A newline ends the record, so it stops here. */
export function blank(p: usize): usize {
  while (true) {
    const c = load<u8>(p);
    if (c != 0x20 && c != 0x09 && c != 0x0d) return p;
    p++;
  }
}

/** A bit for each of the 16 bytes at `p` that a plain string cannot hold: quote, backslash, control character. */
// @ts-ignore: decorator
@inline
export function specials(p: usize): i32 {
  const x = v128.load(p);
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(x, i8x16.splat(0x22)), i8x16.eq(x, i8x16.splat(0x5c))),
      i8x16.eq(i8x16.min_u(x, i8x16.splat(0x1f)), x),
    ),
  );
}

/** From behind the opening quote to behind the closing one. */
// @ts-ignore: decorator
@inline
export function string(p: usize): usize {
  while (true) {
    const m = specials(p);
    if (m == 0) {
      p += 16;
      continue;
    }
    p += ctz(m);
    const c = <u32>load<u8>(p);
    if (c == QUOTE) return p + 1;
    if (c != BACKSLASH) return 0;
    p = escape(p + 1);
    if (!p) return 0;
  }
}

/** From behind a backslash to behind its escape. A surrogate without its other half is not plain. */
function escape(p: usize): usize {
  switch (load<u8>(p)) {
    case 0x22: case 0x5c: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74:
      return p + 1;
    case 0x75: {
      const high = hex4(p + 1);
      if (high < 0) return 0;
      if ((high & 0xf800) != 0xd800) return p + 5;
      if (high >= 0xdc00 || load<u16>(p + 5) != 0x755c) return 0;
      const low = hex4(p + 7);
      return low >= 0xdc00 && low <= 0xdfff ? p + 11 : 0;
    }
    default:
      return 0;
  }
}

function hex4(p: usize): i32 {
  let value = 0;
  for (let i: usize = 0; i < 4; i++) {
    const digit = hexDigit(load<u8>(p + i));
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  return value;
}

export function hexDigit(c: u32): i32 {
  if (c - 0x30 < 10) return c - 0x30;
  const letter = (c | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : -1;
}

// @ts-ignore: decorator
@inline
export function isDigit(c: u32): bool {
  return c - 0x30 < 10;
}

export function digits(p: usize): usize {
  while (isDigit(load<u8>(p))) p++;
  return p;
}
