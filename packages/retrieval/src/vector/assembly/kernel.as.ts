// Dot products of one query with rows in tiles: pages of 64 KB, each of which holds rows of one segment.
// A place is the address of a tile plus the row's number in it. Every call writes the places that reach the
// threshold, with their scores, and says how many they are.

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
function bytesScore(place: u32): f32 {
  const tile: u32 = place & 0xffff0000;
  const number: u32 = place & 0xffff;
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
function floatsScore(place: u32): f32 {
  const row: u32 = (place & 0xffff0000) + (place & 0xffff) * stride;
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

/** Rows `from` to `to` of a tile. */
export function scanBytes(tile: u32, from: u32, to: u32, threshold: f32, out: u32): u32 {
  let at = out;
  for (let place = tile + from, end = tile + to; place < end; place++) {
    const score = bytesScore(place);
    if (score >= threshold) {
      store<u32>(at, place);
      store<f32>(at, score, 4);
      at += 8;
    }
  }
  return (at - out) >> 3;
}

export function scanFloats(tile: u32, from: u32, to: u32, threshold: f32, out: u32): u32 {
  let at = out;
  for (let place = tile + from, end = tile + to; place < end; place++) {
    const score = floatsScore(place);
    if (score >= threshold) {
      store<u32>(at, place);
      store<f32>(at, score, 4);
      at += 8;
    }
  }
  return (at - out) >> 3;
}

/** The rows at `count` places; what is written are their positions in that list. */
export function pickBytes(places: u32, count: u32, threshold: f32, out: u32): u32 {
  let at = out;
  for (let i: u32 = 0; i < count; i++) {
    const score = bytesScore(load<u32>(places + (i << 2)));
    if (score >= threshold) {
      store<u32>(at, i);
      store<f32>(at, score, 4);
      at += 8;
    }
  }
  return (at - out) >> 3;
}

export function pickFloats(places: u32, count: u32, threshold: f32, out: u32): u32 {
  let at = out;
  for (let i: u32 = 0; i < count; i++) {
    const score = floatsScore(load<u32>(places + (i << 2)));
    if (score >= threshold) {
      store<u32>(at, i);
      store<f32>(at, score, 4);
      at += 8;
    }
  }
  return (at - out) >> 3;
}
