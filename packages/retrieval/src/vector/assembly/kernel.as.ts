// Dot products of one query with rows in tiles: pages of 64 KB, each of which holds rows of one segment.
// A call is told by a bit each which rows of a tile are wanted, writes the numbers of those that reach the threshold,
// with their scores, and says how many they are.

/** Bytes from one row to the next: a multiple of 16, zeros past the last dimension. */
let stride: u32 = 0;
/** In a tile of bytes: where the rows' scales begin. */
let scalesAt: u32 = 0;
/** 16-bit numbers for rows of bytes, floats for rows of floats; as long as a row. */
let queryAt: u32 = 0;
/** What a score of bytes is to be multiplied with, beside the row's scale. */
let queryScale: f32 = 0;

export function setQuery(at: u32, rowBytes: u32, scales: u32, scale: f32): void {
  queryAt = at;
  stride = rowBytes;
  scalesAt = scales;
  queryScale = scale;
}

// @ts-ignore: decorator
@inline
function bytesScore(tile: u32, number: u32): f32 {
  const row: u32 = tile + number * stride;
  let low = i32x4.splat(0);
  let high = i32x4.splat(0);
  let query = queryAt;
  for (let at = row, end = row + stride; at < end; at += 16) {
    const values = v128.load(at);
    low = i32x4.add(low, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(values), v128.load(query)));
    high = i32x4.add(high, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(values), v128.load(query, 16)));
    query += 32;
  }
  return <f32>sum(i32x4.add(low, high)) * load<f32>(tile + scalesAt + (number << 2)) * queryScale;
}

// @ts-ignore: decorator
@inline
function sum(x: v128): i32 {
  return (
    i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
  );
}

// @ts-ignore: decorator
@inline
function floatsScore(tile: u32, number: u32): f32 {
  const row: u32 = tile + number * stride;
  let total = f32x4.splat(0);
  let query = queryAt;
  for (let at = row, end = row + stride; at < end; at += 16) {
    total = f32x4.add(total, f32x4.mul(v128.load(at), v128.load(query)));
    query += 16;
  }
  return (
    f32x4.extract_lane(total, 0) +
    f32x4.extract_lane(total, 1) +
    f32x4.extract_lane(total, 2) +
    f32x4.extract_lane(total, 3)
  );
}

/** Of 32 rows: where more are wanted, all are read one after the other, as memory likes it, and some not told. */
const MANY: u32 = 6;
/** What a processor fetches from memory at once. */
const LINE_BYTES = 64;

/** Of the first `count` rows of a tile of bytes: row i where bit `first + i` is set. */
export function scanBytes(tile: u32, bits: u32, first: u32, count: u32, threshold: f32, out: u32): u32 {
  return scan(true, tile, bits, first, count, threshold, out);
}

/** The same for a tile of floats. */
export function scanFloats(tile: u32, bits: u32, first: u32, count: u32, threshold: f32, out: u32): u32 {
  return scan(false, tile, bits, first, count, threshold, out);
}

// @ts-ignore: decorator
@inline
function scan(bytes: bool, tile: u32, bits: u32, first: u32, count: u32, threshold: f32, out: u32): u32 {
  let at = out;
  if (bytes) fetch(tile + scalesAt, count << 2);
  for (let from: u32 = 0; from < count; ) {
    const bit = first + from;
    const end = min(count, from + 32 - (bit & 31));
    let word = wanted(bits, bit, end - from);
    if (<u32>popcnt(word) > MANY) {
      for (let number = from; number < end; number++, word >>= 1) {
        const score = bytes ? bytesScore(tile, number) : floatsScore(tile, number);
        if (score >= threshold && (word & 1) !== 0) at = tell(number, score, at);
      }
    } else {
      for (; word !== 0; word &= word - 1) {
        const number = from + ctz(word);
        const others = word & (word - 1);
        if (others !== 0) fetch(tile + (from + ctz(others)) * stride, stride);
        const score = bytes ? bytesScore(tile, number) : floatsScore(tile, number);
        if (score >= threshold) at = tell(number, score, at);
      }
    }
    from = end;
  }
  return (at - out) >> 3;
}

/** Asks memory for what is needed soon, all at once. */
// @ts-ignore: decorator
@inline
function fetch(from: u32, bytes: u32): void {
  for (let at = from, end = from + bytes; at < end; at += LINE_BYTES) load<u8>(at);
}

/** Of the word that holds a bit: that bit and those behind it, `count` in all. */
// @ts-ignore: decorator
@inline
function wanted(bits: u32, bit: u32, count: u32): u32 {
  const word = load<u32>(bits + ((bit >> 5) << 2)) >> (bit & 31);
  return count < 32 ? word & ((1 << count) - 1) : word;
}

// @ts-ignore: decorator
@inline
function tell(number: u32, score: f32, at: u32): u32 {
  store<u32>(at, number);
  store<f32>(at, score, 4);
  return at + 8;
}
