// A strict JSON reader that may be cut anywhere: every bit of its state lives in globals between two calls. It finds
// the records of a page and copies them out as lines; at what only the caller can judge it stops with an event.

import { BACKSLASH, NEWLINE, QUOTE, hexDigit, isDigit, specials } from "./text.as";

// Events. `page-kernel.ts` holds the same list.
const MORE: i32 = 0;
const KEY_START: i32 = 1;
const KEY_END: i32 = 2;
const VALUE_START: i32 = 3;
const ASIDE: i32 = 4;
const ARRAY_END: i32 = 5;
const FULL: i32 = 6;
const MALFORMED: i32 = 7;
const RECORD_DONE: i32 = 8;

// States.
const VALUE: i32 = 0;
const VALUE_OR_END: i32 = 1;
const KEY_OR_END: i32 = 2;
const KEY: i32 = 3;
const COLON: i32 = 4;
const AFTER: i32 = 5;
const IN_STRING: i32 = 6;
const IN_ESCAPE: i32 = 7;
const IN_HEX: i32 = 8;
const MINUS: i32 = 9;
const ZERO: i32 = 10;
const INTEGER: i32 = 11;
const DOT: i32 = 12;
const FRACTION: i32 = 13;
const EXPONENT: i32 = 14;
const EXPONENT_SIGN: i32 = 15;
const EXPONENT_DIGITS: i32 = 16;
const LITERAL: i32 = 17;

const MAX_DEPTH: u32 = 65536;

/** One byte a level: the opening bracket. */
let stack: usize = 0;
let state: i32 = VALUE;
let inKey: bool = false;
let hexLeft: u32 = 0;
let word: u64 = 0;

export let depth: u32 = 0;
/** Where the last call stopped. */
export let cursor: usize = 0;
/** The depth of the object whose keys are reported; 0 for none. */
export let watch: u32 = 0;
/** Whether the next value is reported before it is read. */
export let armed: bool = true;
/** The depth of the container whose values are records; -1 for none. */
export let itemDepth: i32 = -1;
/** Whether records are the elements of an array, rather than the one value. */
export let inArray: bool = false;

let inRecord: bool = false;
let notObject: bool = false;
let wantsPrefix: bool = false;
/** Where the part of the record that is not copied yet begins. */
let copyFrom: usize = 0;
let recordBytes: u64 = 0;
let maxRecordBytes: u64 = 0;
/** The current record is past its limit: the rest of it is read, not kept. */
export let dropping: bool = false;
export let rows: u32 = 0;
/** The bytes that go behind the opening brace of each record, a comma at their end. */
let prefix: usize = 0;
let prefixBytes: usize = 0;

let outEnd: usize = 0;
export let out: usize = 0;
/** Up to here the output holds whole records. */
export let whole: usize = 0;

export function startPage(stackAt: usize, maxRecord: f64, prefixAt: usize, prefixLength: usize): void {
  stack = stackAt;
  maxRecordBytes = <u64>maxRecord;
  prefix = prefixAt;
  prefixBytes = prefixLength;
  state = VALUE;
  depth = 0;
  watch = 0;
  armed = true;
  itemDepth = -1;
  inRecord = false;
  dropping = false;
  wantsPrefix = false;
}

export function setOutput(at: usize, end: usize): void {
  out = at;
  whole = at;
  outEnd = end;
  rows = 0;
}

/** The value that is about to start is the one record, or the array of records. */
export function takeRecords(array: bool): void {
  inArray = array;
  itemDepth = array ? depth + 1 : depth;
}

/** Whether the text may end here. */
export function isComplete(): bool {
  if (depth != 0) return false;
  return state == AFTER || state == ZERO || state == INTEGER || state == FRACTION || state == EXPONENT_DIGITS;
}

/** Reads on from `p`; gives an event. `cursor` says where to go on. */
export function readPage(p: usize, end: usize): i32 {
  if (inRecord) copyFrom = p;
  while (p < end) {
    const c = <u32>load<u8>(p);
    switch (state) {
      case IN_STRING: {
        const m = specials(p);
        if (m == 0) {
          p = min(p + 16, end);
          continue;
        }
        p += ctz(m);
        if (p >= end) {
          p = end;
          continue;
        }
        const special = <u32>load<u8>(p);
        if (special == BACKSLASH) {
          state = IN_ESCAPE;
          p++;
          continue;
        }
        if (special != QUOTE) return stop(p, MALFORMED);
        p++;
        if (inKey) {
          inKey = false;
          state = COLON;
          if (depth == watch) return stop(p, KEY_END);
          continue;
        }
        state = AFTER;
        const event = settle(p);
        if (event) return stop(p, event);
        continue;
      }
      case IN_ESCAPE:
        p++;
        if (c == 0x75) {
          state = IN_HEX;
          hexLeft = 4;
        } else if (
          c == QUOTE || c == BACKSLASH || c == 0x2f || c == 0x62 || c == 0x66 || c == 0x6e || c == 0x72 || c == 0x74
        ) {
          state = IN_STRING;
        } else {
          return stop(p - 1, MALFORMED);
        }
        continue;
      case IN_HEX:
        if (hexDigit(c) < 0) return stop(p, MALFORMED);
        p++;
        if (--hexLeft == 0) state = IN_STRING;
        continue;
      case LITERAL:
        if (c != <u32>(word & 0xff)) return stop(p, MALFORMED);
        p++;
        word >>= 8;
        if (word == 0) {
          state = AFTER;
          const event = settle(p);
          if (event) return stop(p, event);
        }
        continue;
      case MINUS:
        if (!isDigit(c)) return stop(p, MALFORMED);
        state = c == 0x30 ? ZERO : INTEGER;
        p++;
        continue;
      case DOT:
        if (!isDigit(c)) return stop(p, MALFORMED);
        state = FRACTION;
        p++;
        continue;
      case EXPONENT:
        if (c == 0x2b || c == 0x2d) {
          state = EXPONENT_SIGN;
          p++;
          continue;
        }
      // falls through
      case EXPONENT_SIGN:
        if (!isDigit(c)) return stop(p, MALFORMED);
        state = EXPONENT_DIGITS;
        p++;
        continue;
      case ZERO: case INTEGER: case FRACTION: case EXPONENT_DIGITS:
        if (state != ZERO && isDigit(c)) {
          p++;
        } else if (c == 0x2e && (state == ZERO || state == INTEGER)) {
          state = DOT;
          p++;
        } else if ((c | 0x20) == 0x65 && state != EXPONENT_DIGITS) {
          state = EXPONENT;
          p++;
        } else {
          state = AFTER;
          const event = settle(p);
          if (event) return stop(p, event);
        }
        continue;
      default:
        break;
    }

    if (c <= 0x20) {
      if (c != 0x20 && c != 0x09) {
        if (c != NEWLINE && c != 0x0d) return stop(p, MALFORMED);
        if (inRecord) store<u8>(p, 0x20);
      }
      p++;
      continue;
    }
    switch (state) {
      case KEY_OR_END:
        if (c == 0x7d) break;
      // falls through
      case KEY:
        if (c != QUOTE) return stop(p, MALFORMED);
        if (wantsPrefix) writePrefix(p, prefixBytes);
        state = IN_STRING;
        inKey = true;
        p++;
        if (depth == watch) return stop(p, KEY_START);
        continue;
      case COLON:
        if (c != 0x3a) return stop(p, MALFORMED);
        state = VALUE;
        p++;
        continue;
      case AFTER:
        if (depth == 0) return stop(p, MALFORMED);
        if (c == 0x2c) {
          state = opener() == 0x7b ? KEY : VALUE;
          p++;
          continue;
        }
        break;
      case VALUE_OR_END:
        if (c == 0x5d) break;
      // falls through
      default: {
        if (armed) {
          armed = false;
          return stop(p, VALUE_START);
        }
        if (<i32>depth == itemDepth && !inRecord) {
          if (outEnd - out < (end - p) + prefixBytes + 2) return stop(p, FULL);
          startRecord(p, c);
        }
        p++;
        if (c == QUOTE) {
          state = IN_STRING;
        } else if (c == 0x7b || c == 0x5b) {
          if (depth == MAX_DEPTH) return stop(p - 1, MALFORMED);
          store<u8>(stack + depth, <u8>c);
          depth++;
          state = c == 0x7b ? KEY_OR_END : VALUE_OR_END;
        } else if (c == 0x2d) {
          state = MINUS;
        } else if (c == 0x30) {
          state = ZERO;
        } else if (isDigit(c)) {
          state = INTEGER;
        } else if (c == 0x74) {
          state = LITERAL;
          word = 0x657572; // "rue"
        } else if (c == 0x66) {
          state = LITERAL;
          word = 0x65736c61; // "alse"
        } else if (c == 0x6e) {
          state = LITERAL;
          word = 0x6c6c75; // "ull"
        } else {
          return stop(p - 1, MALFORMED);
        }
        continue;
      }
    }

    // A closing bracket: of the right kind, or nothing valid.
    if (c != opener() + 2) return stop(p, MALFORMED);
    if (inArray && <i32>depth == itemDepth) {
      depth--;
      itemDepth = -1;
      inArray = false;
      state = AFTER;
      return stop(p + 1, ARRAY_END);
    }
    if (wantsPrefix) writePrefix(p, prefixBytes - 1);
    depth--;
    if (watch > depth) watch = depth;
    state = AFTER;
    p++;
    const event = settle(p);
    if (event) return stop(p, event);
  }
  if (inRecord) keep(end);
  return stop(end, MORE);
}

function stop(p: usize, event: i32): i32 {
  cursor = p;
  return event;
}

// @ts-ignore: decorator
@inline
function opener(): u32 {
  return <u32>load<u8>(stack + depth - 1);
}

function startRecord(p: usize, c: u32): void {
  inRecord = true;
  notObject = c != 0x7b;
  wantsPrefix = !notObject && prefixBytes > 0;
  copyFrom = p;
  recordBytes = 0;
  dropping = false;
}

/** A value has ended in front of `p`: if it was a record, its event, or MORE when there is nothing to tell. */
function settle(p: usize): i32 {
  if (!inRecord || <i32>depth != itemDepth) return MORE;
  keep(p);
  inRecord = false;
  if (!inArray) itemDepth = -1;
  if (dropping || notObject) return ASIDE;
  store<u8>(out, <u8>NEWLINE);
  whole = ++out;
  rows++;
  return inArray ? MORE : RECORD_DONE;
}

/** Copies what is read of the record. Past the limit nothing more is copied. */
function keep(p: usize): void {
  const bytes = p - copyFrom;
  recordBytes += bytes;
  if (!dropping) {
    memory.copy(out, copyFrom, bytes);
    out += bytes;
    dropping = recordBytes > maxRecordBytes;
  }
  copyFrom = p;
}

function writePrefix(p: usize, bytes: usize): void {
  wantsPrefix = false;
  keep(p);
  if (dropping) return;
  memory.copy(out, prefix, bytes);
  out += bytes;
  recordBytes += bytes;
}
