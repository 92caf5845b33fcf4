import { type InsidePlace, type Place, placeOfKey, type Replacement } from './places.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MAX_DEPTH = 1000;
const NULL = Buffer.from('null');
const NOTHING = Buffer.alloc(0);

export interface RewrittenLines {
  readonly lines: Buffer;
  /** Where in the lines given those stand that are not JSON objects; they are not among `lines`. */
  readonly malformed: readonly { readonly start: number; readonly end: number; readonly isObject: boolean }[];
}

export interface RewriteOptions {
  readonly root: InsidePlace;
  /** Told of each key whose value is left out because nobody named it. */
  onUnnamed(key: string): void;
}

/**
 * Rewrites the values that a tree of places says something about, and nothing else. Only what is walked through is
 * checked, and a value that is passed over must at least end: what is broken inside it stays in the line, which
 * whoever reads the line next refuses as a whole.
 * @param lines NDJSON, each line ended by a newline
 */
export function rewriteRecords(lines: Buffer, options: RewriteOptions): RewrittenLines {
  const walk = new Walk(lines, options);
  const malformed: { start: number; end: number; isObject: boolean }[] = [];
  let start = 0;
  while (start < lines.length) {
    const edits = walk.edits;
    const first = skipBlanks(lines, start);
    if (lines[first] === NEWLINE) {
      start = first + 1;
      continue;
    }
    walk.depth = 0;
    const isObject = lines[first] === OPEN_BRACE;
    const after = isObject ? walk.object(first, options.root) : -1;
    const end = after < 0 ? -1 : skipBlanks(lines, after);
    if (end >= 0 && lines[end] === NEWLINE) {
      start = end + 1;
      continue;
    }
    walk.edits = edits;
    const next = lines.indexOf(NEWLINE, start) + 1;
    walk.replace(start, next, NOTHING);
    malformed.push({ start, end: next - 1, isObject });
    start = next;
  }
  return { lines: walk.written(), malformed };
}

/**
 * One pass. A method takes the offset where something starts and gives the one behind its end, or -1 where the text
 * is not JSON. Every line ends in a newline, which no token may hold, so that no loop needs an end.
 */
class Walk {
  readonly #bytes: Buffer;
  readonly #options: RewriteOptions;
  /** Three a replacement, in the order of the text. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #texts: Buffer[] = [];
  edits = 0;
  depth = 0;

  constructor(bytes: Buffer, options: RewriteOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  replace(start: number, end: number, text: Buffer): void {
    this.#starts[this.edits] = start;
    this.#ends[this.edits] = end;
    this.#texts[this.edits] = text;
    this.edits++;
  }

  object(at: number, place: InsidePlace): number {
    const bytes = this.#bytes;
    if (++this.depth > MAX_DEPTH) return -1;
    let p = skipBlanks(bytes, at + 1);
    if (bytes[p] === CLOSE_BRACE) {
      this.depth--;
      return p + 1;
    }
    // Behind the member before, once one is kept: then a member goes with the comma before it, else with the one
    // behind it.
    let cutFrom = -1;
    let index = 0;
    for (;;) {
      const keyAt = p;
      if (bytes[keyAt] !== QUOTE) return -1;
      const keyEnd = endOfString(bytes, keyAt);
      if (keyEnd < 0) return -1;
      const child = placeOfKey(place, bytes, keyAt + 1, keyEnd - 1, index++);
      p = skipBlanks(bytes, keyEnd);
      if (bytes[p] !== COLON) return -1;
      p = skipBlanks(bytes, p + 1);
      const isDropped = child.kind === 'drop' || (child.kind === 'unnamed' && child.isData);
      if (child.kind === 'unnamed') this.#tellUnnamed(child.key, p);
      p = isDropped ? endOfValue(bytes, p) : this.value(p, child);
      if (p < 0) return -1;
      const valueEnd = p;
      p = skipBlanks(bytes, p);
      const goesOn = bytes[p] === COMMA;
      if (isDropped && cutFrom < 0) this.replace(keyAt, goesOn ? p + 1 : valueEnd, NOTHING);
      else {
        if (isDropped) this.replace(cutFrom, valueEnd, NOTHING);
        cutFrom = valueEnd;
      }
      if (!goesOn) break;
      p = skipBlanks(bytes, p + 1);
    }
    this.depth--;
    return bytes[p] === CLOSE_BRACE ? p + 1 : -1;
  }

  value(at: number, place: Place): number {
    switch (place.kind) {
      case 'clear':
        return endOfValue(this.#bytes, at);
      case 'replace':
        return this.#replaced(at, place.with);
      case 'unnamed':
      case 'drop':
        return this.#nulled(at);
      case 'inside':
        return this.#inside(at, place);
    }
  }

  #inside(at: number, place: InsidePlace): number {
    const byte = this.#bytes[at];
    if (byte === OPEN_BRACE) return this.object(at, place);
    if (byte === OPEN_BRACKET) return this.#array(at, place);
    return place.scalars === 'clear' ? endOfValue(this.#bytes, at) : this.#nulled(at);
  }

  #array(at: number, place: InsidePlace): number {
    const bytes = this.#bytes;
    if (++this.depth > MAX_DEPTH) return -1;
    let p = skipBlanks(bytes, at + 1);
    if (bytes[p] === CLOSE_BRACKET) {
      this.depth--;
      return p + 1;
    }
    for (;;) {
      p = this.value(p, place);
      if (p < 0) return -1;
      p = skipBlanks(bytes, p);
      if (bytes[p] !== COMMA) break;
      p = skipBlanks(bytes, p + 1);
    }
    this.depth--;
    return bytes[p] === CLOSE_BRACKET ? p + 1 : -1;
  }

  #nulled(at: number): number {
    const end = endOfValue(this.#bytes, at);
    if (end >= 0) this.replace(at, end, NULL);
    return end;
  }

  #replaced(at: number, replacement: Replacement): number {
    const bytes = this.#bytes;
    const end = endOfValue(bytes, at);
    if (end < 0) return -1;
    const opener = bytes[at];
    const text =
      opener === OPEN_BRACE || opener === OPEN_BRACKET ? NULL : replacement(bytes.toString('utf8', at, end));
    if (text === undefined) return -1;
    this.replace(at, end, text);
    return end;
  }

  /** Nothing is lost with a null. */
  #tellUnnamed(key: string, valueAt: number): void {
    const bytes = this.#bytes;
    if (NULL.compare(bytes, valueAt, Math.min(valueAt + 4, bytes.length)) !== 0) this.#options.onUnnamed(key);
  }

  written(): Buffer {
    const bytes = this.#bytes;
    if (this.edits === 0) return bytes;
    let length = bytes.length;
    for (let i = 0; i < this.edits; i++)
      length += this.#texts[i]!.length - (this.#ends[i]! - this.#starts[i]!);
    const out = Buffer.allocUnsafeSlow(length);
    let from = 0;
    let to = 0;
    for (let i = 0; i < this.edits; i++) {
      to += bytes.copy(out, to, from, this.#starts[i]);
      to += this.#texts[i]!.copy(out, to);
      from = this.#ends[i]!;
    }
    bytes.copy(out, to, from);
    return out;
  }
}

function skipBlanks(bytes: Buffer, at: number): number {
  let p = at;
  for (;;) {
    const byte = bytes[p];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return p;
    p++;
  }
}

/** Behind the closing quote of the string that starts at `at`. */
function endOfString(bytes: Buffer, at: number): number {
  let p = at + 1;
  for (;;) {
    const byte = bytes[p]!;
    if (byte === QUOTE) return p + 1;
    if (byte < 0x20) return -1;
    // What is escaped is never the newline: that would end the line.
    if (byte === BACKSLASH && bytes[p + 1] !== NEWLINE) p++;
    p++;
  }
}

/** Behind the value that starts at `at`; brackets are counted, not matched. */
function endOfValue(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNest(bytes, at);
  let p = at;
  for (;;) {
    const byte = bytes[p]!;
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20) break;
    // A string, or another value right behind: this one does not end where it should.
    if (byte === QUOTE || byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === COLON) return -1;
    p++;
  }
  return p > at ? p : -1;
}

function endOfNest(bytes: Buffer, at: number): number {
  let depth = 0;
  let p = at;
  for (;;) {
    const byte = bytes[p]!;
    if (byte === QUOTE) {
      p = endOfString(bytes, p);
      if (p < 0) return -1;
      continue;
    }
    if (byte === NEWLINE) return -1;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return p + 1;
    p++;
  }
}
