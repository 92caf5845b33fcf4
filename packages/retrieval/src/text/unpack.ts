/** `count` values of `width` bits from word `from` on into `out`; the words are known to be there. */
export function unpack(
  words: Uint32Array,
  from: number,
  count: number,
  width: number,
  out: Uint32Array,
): void {
  if (width === 0) {
    for (let i = 0; i < count; i++) out[i] = 0;
    return;
  }
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let word = from;
  let bits = words[word]! | 0;
  let shift = 0;
  for (let i = 0; i < count; i++) {
    if (shift === 32) {
      bits = words[++word]! | 0;
      shift = 0;
    }
    let value = bits >>> shift;
    shift += width;
    if (shift > 32) {
      bits = words[++word]! | 0;
      shift -= 32;
      value |= bits << (width - shift);
    }
    out[i] = value & mask;
  }
}

/** Gaps of values that ascend from `before` on, each gap less one, as the values; returns the last. */
export function unpackAscending(
  words: Uint32Array,
  from: number,
  count: number,
  width: number,
  before: number,
  out: Uint32Array,
): number {
  let last = before | 0;
  if (width === 0) {
    for (let i = 0; i < count; i++) out[i] = ++last;
    return last;
  }
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let word = from;
  let bits = words[word]! | 0;
  let shift = 0;
  for (let i = 0; i < count; i++) {
    if (shift === 32) {
      bits = words[++word]! | 0;
      shift = 0;
    }
    let value = bits >>> shift;
    shift += width;
    if (shift > 32) {
      bits = words[++word]! | 0;
      shift -= 32;
      value |= bits << (width - shift);
    }
    last = (last + (value & mask) + 1) | 0;
    out[i] = last;
  }
  return last;
}

/** The value at `index` of those packed from word `from` on. */
export function unpackOne(words: Uint32Array, from: number, index: number, width: number): number {
  if (width === 0) return 0;
  const bit = index * width;
  const word = from + (bit >>> 5);
  const shift = bit & 31;
  let value = words[word]! >>> shift;
  if (shift + width > 32) value |= words[word + 1]! << (32 - shift);
  return (width === 32 ? value : value & ((1 << width) - 1)) >>> 0;
}

/** A row in a block, and its number there. */
export interface RowInBlock {
  index: number;
  row: number;
}

/**
 * On to the first row that is not before `target`, of gaps packed from word `from` on; there is one. Only the gaps up
 * to it are unpacked.
 */
export function advanceTo(
  words: Uint32Array,
  from: number,
  width: number,
  here: RowInBlock,
  target: number,
): void {
  let { index, row } = here;
  if (width === 0) {
    here.index = index + Math.max(0, target - row);
    here.row = Math.max(row, target);
    return;
  }
  const mask = width === 32 ? -1 : (1 << width) - 1;
  const bit = (index + 1) * width;
  let word = from + (bit >>> 5);
  let shift = bit & 31;
  let bits = words[word]! | 0;
  while (row < target) {
    if (shift === 32) {
      bits = words[++word]! | 0;
      shift = 0;
    }
    let value = bits >>> shift;
    shift += width;
    if (shift > 32) {
      bits = words[++word]! | 0;
      shift -= 32;
      value |= bits << (width - shift);
    }
    row = (row + (value & mask) + 1) | 0;
    index++;
  }
  here.index = index;
  here.row = row;
}

/** The sum of `count` values. */
export function sumOf(words: Uint32Array, from: number, count: number, width: number): number {
  if (width === 0) return 0;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let word = from;
  let bits = words[word]! | 0;
  let shift = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    if (shift === 32) {
      bits = words[++word]! | 0;
      shift = 0;
    }
    let value = bits >>> shift;
    shift += width;
    if (shift > 32) {
      bits = words[++word]! | 0;
      shift -= 32;
      value |= bits << (width - shift);
    }
    sum += value & mask;
  }
  return sum;
}
