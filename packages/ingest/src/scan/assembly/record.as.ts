// One pass over NDJSON lines against the known shape. A line that conforms costs nothing more; at any other
// the scan stops, and the exact reader in TypeScript takes that line.

import {
  ACCEPT, ANY, BOOLEAN, DECIMAL, FIRST, FOLLOWER, FRACTION, INT64, INT_RANGE, INT_SHORT, INT_TEXT, KEY_BYTES, LIST,
  MAX, MIN, NULL, OBJECT, OPEN, SEEN, STRING, lookup, matches,
} from "./shape.as";
import { BACKSLASH, NEWLINE, QUOTE, blank, digits, isDigit, string } from "./text.as";

const COLON: u32 = 0x3a;
const COMMA: u32 = 0x2c;
/** `_hakiri_` without case, as `LOWER_CASE` leaves it: no key of a source may start so. */
const RESERVED: u64 = 0x7f6972696b61687f;
const LOWER_CASE: u64 = 0x2020202020202020;
const MAX_DEPTH: i32 = 1000;

let root: usize = 0;
let required: usize = 0;
let requiredCount: u32 = 0;
/** Counts object instances; never repeats. */
let objects: u64 = 0;
let depth: i32 = 0;

/** Records that conformed since the last call of `setRoot` or `resetCounts`, and the longest of them with its newline. */
export let rows: u32 = 0;
export let longest: u32 = 0;

/** `at` lists the nodes that every record must hold. */
export function setRoot(node: usize, at: usize, count: u32): void {
  root = node;
  required = at;
  requiredCount = count;
}

export function resetCounts(): void {
  rows = 0;
  longest = 0;
}

/** Scans whole lines; gives the start of the first line that does not conform, or `end`. */
export function scan(p: usize, end: usize): usize {
  while (p < end) {
    const after = record(p);
    if (!after) return p;
    const bytes = <u32>(after - p);
    if (bytes > longest) longest = bytes;
    rows++;
    p = after;
  }
  return end;
}

/** The end of the line at `p`: the position of its newline. */
export function lineEnd(p: usize): usize {
  while (true) {
    const m = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(0x0a)));
    if (m != 0) return p + ctz(m);
    p += 16;
  }
}

function record(p: usize): usize {
  if (load<u8>(p) != 0x7b) {
    p = blank(p);
    if (load<u8>(p) != 0x7b) return 0;
  }
  depth = 1;
  const instance = objects + 1;
  p = object(p + 1, root);
  if (!p) return 0;
  if (<u32>load<u8>(p) != NEWLINE) {
    p = blank(p);
    if (<u32>load<u8>(p) != NEWLINE) return 0;
  }
  for (let i: u32 = 0; i < requiredCount; i++) {
    if (load<u64>(load<u32>(required + (<usize>i << 2)), SEEN) != instance) return 0;
  }
  return p + 1;
}

/** From behind the opening brace to behind the closing one. */
function object(p: usize, node: usize): usize {
  const instance = ++objects;
  let guess = <usize>load<u32>(node, FIRST);
  let before: usize = 0;
  if (<u32>load<u8>(p) != QUOTE) {
    p = blank(p);
    if (load<u8>(p) == 0x7d) return p + 1;
  }
  while (true) {
    let child = guess;
    if (child != 0 && matches(p, child)) {
      p += load<u32>(child, KEY_BYTES);
    } else {
      p = blank(p);
      if (<u32>load<u8>(p) != QUOTE) return 0;
      const start = p;
      p = string(p + 1);
      if (!p) return 0;
      child = lookup(node, start, p - start);
      if (child != 0) {
        if (before != 0) store<u32>(before, <u32>child, FOLLOWER);
        else store<u32>(node, <u32>child, FIRST);
      } else if (!(load<u32>(node, ACCEPT) & OPEN) || (load<u64>(start + 1) | LOWER_CASE) == RESERVED || escaped(start, p)) {
        return 0;
      }
      p = blank(p);
      if (<u32>load<u8>(p) != COLON) return 0;
      p++;
    }
    if (child != 0) {
      if (load<u64>(child, SEEN) == instance) return 0;
      store<u64>(child, instance, SEEN);
      p = value(p, child);
      guess = <usize>load<u32>(child, FOLLOWER);
      before = child;
    } else {
      p = skip(p);
    }
    if (!p) return 0;
    let c = <u32>load<u8>(p);
    if (c <= 0x20) {
      p = blank(p);
      c = <u32>load<u8>(p);
    }
    p++;
    if (c != COMMA) return c == 0x7d ? p : 0;
    if (<u32>load<u8>(p) != QUOTE) p = blank(p);
  }
}

/** Whether a key is spelled with escapes, so that it may be a known key after all. */
function escaped(p: usize, end: usize): bool {
  for (; p < end; p++) if (<u32>load<u8>(p) == BACKSLASH) return true;
  return false;
}

function list(p: usize, item: usize): usize {
  p = blank(p);
  if (load<u8>(p) == 0x5d) return p + 1;
  while (true) {
    p = value(p, item);
    if (!p) return 0;
    p = blank(p);
    const c = <u32>load<u8>(p);
    p++;
    if (c == COMMA) continue;
    return c == 0x5d ? p : 0;
  }
}

function value(p: usize, node: usize): usize {
  const accept = load<u32>(node, ACCEPT);
  let c = <u32>load<u8>(p);
  if (c <= 0x20) {
    p = blank(p);
    c = <u32>load<u8>(p);
  }
  if (c == QUOTE) {
    if (accept & STRING) return string(p + 1);
    if (accept & DECIMAL) return decimalText(p + 1, node);
    return accept & INT_TEXT ? integerText(p + 1, node, accept) : 0;
  }
  if (isDigit(c) || c == 0x2d) return number(p, node, accept);
  if (accept & ANY && c != 0x6e) return skip(p);
  if (c == 0x7b) {
    if (!(accept & OBJECT)) return 0;
    depth++;
    p = object(p + 1, node);
    depth--;
    return p;
  }
  if (c == 0x5b) {
    if (!(accept & LIST)) return 0;
    depth++;
    p = list(p + 1, load<u32>(node, FIRST));
    depth--;
    return p;
  }
  return literal(p, c, accept);
}

// @ts-ignore: decorator
@inline
function literal(p: usize, c: u32, accept: u32): usize {
  const word = load<u32>(p);
  if (word == 0x6c6c756e) return accept & NULL ? p + 4 : 0;
  if (word == 0x65757274) return accept & BOOLEAN ? p + 4 : 0;
  if (c == 0x66 && load<u32>(p + 1) == 0x65736c61) return accept & BOOLEAN ? p + 5 : 0;
  return 0;
}

function number(p: usize, node: usize, accept: u32): usize {
  const start = p;
  if (load<u8>(p) == 0x2d) p++;
  const first = p;
  const lead = <u32>load<u8>(p);
  if (!isDigit(lead)) return 0;
  p = lead == 0x30 ? p + 1 : digits(p + 1);
  const c = <u32>load<u8>(p);
  if (c == 0x2e || (c | 0x20) == 0x65) return fraction(p, first, node, accept);
  if (accept & ANY) return p;
  return integerFits(start, first, p, node, accept) ? p : 0;
}

function integerFits(start: usize, first: usize, end: usize, node: usize, accept: u32): bool {
  const count = end - first;
  if (count <= 15 && accept & (INT_SHORT | INT64)) return true;
  if (accept & INT64) {
    return count <= 18 || (count == 19 && magnitude(first, end) <= <u64>i64.MAX_VALUE + <u64>(start != first));
  }
  if (accept & DECIMAL) return count <= 15 && <i64>count <= load<i64>(node, MIN);
  if (!(accept & INT_RANGE) || count > 18) return false;
  const size = <i64>magnitude(first, end);
  const signed = start == first ? size : -size;
  return signed >= load<i64>(node, MIN) && signed <= load<i64>(node, MAX);
}

/** Up to 19 digits as a number. */
function magnitude(p: usize, end: usize): u64 {
  let sum: u64 = 0;
  for (; p < end; p++) sum = sum * 10 + <u64>(load<u8>(p) - 0x30);
  return sum;
}

/** From the dot or the exponent on. What may overflow a double or lose a digit of a decimal is not plain. */
function fraction(p: usize, first: usize, node: usize, accept: u32): usize {
  const whole = p - first;
  let plain = whole <= 300;
  let places: usize = 0;
  if (load<u8>(p) == 0x2e) {
    const from = ++p;
    p = digits(p);
    if (p == from) return 0;
    places = p - from;
  }
  if ((load<u8>(p) | 0x20) == 0x65) {
    p++;
    const sign = <u32>load<u8>(p);
    if (sign == 0x2b || sign == 0x2d) p++;
    const from = p;
    p = digits(p);
    if (p == from) return 0;
    if (p - from > 2) plain = false;
    places = 100;
  }
  if (accept & ANY) return p;
  if (accept & FRACTION) return plain ? p : 0;
  return accept & DECIMAL && <i64>whole + load<i64>(node, MAX) <= 15 && decimalFits(whole, places, node) ? p : 0;
}

// @ts-ignore: decorator
@inline
function decimalFits(whole: usize, places: usize, node: usize): bool {
  return <i64>whole <= load<i64>(node, MIN) && <i64>places <= load<i64>(node, MAX);
}

/** A decimal in quotes, in the form of a JSON number without an exponent, from behind the opening quote. */
function decimalText(p: usize, node: usize): usize {
  if (load<u8>(p) == 0x2d) p++;
  const first = p;
  if (!isDigit(<u32>load<u8>(p))) return 0;
  p = digits(p + 1);
  const whole = p - first;
  let places: usize = 0;
  if (load<u8>(p) == 0x2e) {
    const from = ++p;
    p = digits(p);
    places = p - from;
    if (places == 0) return 0;
  }
  return <u32>load<u8>(p) == QUOTE && decimalFits(whole, places, node) ? p + 1 : 0;
}

/** An integer in quotes, in its shortest form, from behind the opening quote. */
function integerText(p: usize, node: usize, accept: u32): usize {
  const start = p;
  if (load<u8>(p) == 0x2d) p++;
  const first = p;
  const lead = <u32>load<u8>(p);
  if (!isDigit(lead) || (lead == 0x30 && p != start)) return 0;
  p = lead == 0x30 ? p + 1 : digits(p + 1);
  return <u32>load<u8>(p) == QUOTE && integerFits(start, first, p, node, accept) ? p + 1 : 0;
}

/** Any value. */
function skip(p: usize): usize {
  p = blank(p);
  const c = <u32>load<u8>(p);
  if (c == QUOTE) return string(p + 1);
  if (c == 0x7b || c == 0x5b) {
    if (depth == MAX_DEPTH) return 0;
    depth++;
    p = c == 0x7b ? skipObject(p + 1) : skipList(p + 1);
    depth--;
    return p;
  }
  if (isDigit(c) || c == 0x2d) return number(p, 0, ANY);
  return literal(p, c, NULL | BOOLEAN);
}

function skipObject(p: usize): usize {
  p = blank(p);
  if (load<u8>(p) == 0x7d) return p + 1;
  while (true) {
    p = blank(p);
    if (<u32>load<u8>(p) != QUOTE) return 0;
    p = string(p + 1);
    if (!p) return 0;
    p = blank(p);
    if (<u32>load<u8>(p) != COLON) return 0;
    p = skip(p + 1);
    if (!p) return 0;
    p = blank(p);
    const c = <u32>load<u8>(p);
    p++;
    if (c == COMMA) continue;
    return c == 0x7d ? p : 0;
  }
}

function skipList(p: usize): usize {
  p = blank(p);
  if (load<u8>(p) == 0x5d) return p + 1;
  while (true) {
    p = skip(p);
    if (!p) return 0;
    p = blank(p);
    const c = <u32>load<u8>(p);
    p++;
    if (c == COMMA) continue;
    return c == 0x5d ? p : 0;
  }
}
