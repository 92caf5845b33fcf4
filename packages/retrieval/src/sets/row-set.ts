/** Rows of one part, by ordinal: the row's number in the file, from 0. Bit i of word i >> 5. Immutable once made. */
export interface RowSet {
  /** Ordinals are below this. */
  readonly rows: number;
  readonly words: Uint32Array;
  /** Members. */
  readonly count: number;
}

export function rowSetOf(rows: number, ordinals: Iterable<number>): RowSet {
  const words = new Uint32Array((rows + 31) >>> 5);
  for (const ordinal of ordinals) {
    if (ordinal < 0 || ordinal >= rows) throw new RangeError(`There is no row ${ordinal} of ${rows}`);
    words[ordinal >>> 5]! |= 1 << (ordinal & 31);
  }
  return { rows, words, count: popcount(words) };
}

export function everyRow(rows: number): RowSet {
  const words = new Uint32Array((rows + 31) >>> 5).fill(0xffffffff);
  const rest = rows & 31;
  if (rest !== 0) words[words.length - 1] = (1 << rest) - 1;
  return { rows, words, count: rows };
}

/** Of words whose bits past `rows` are 0. */
export function rowSetFromWords(rows: number, words: Uint32Array): RowSet {
  return { rows, words, count: popcount(words) };
}

export function hasRow({ words }: RowSet, ordinal: number): boolean {
  return ((words[ordinal >>> 5]! >>> (ordinal & 31)) & 1) === 1;
}

/** Both of the same part. */
export function intersect(a: RowSet, b: RowSet): RowSet {
  if (a.rows !== b.rows) throw new RangeError(`Sets of ${a.rows} and ${b.rows} rows`);
  const words = new Uint32Array(a.words.length);
  for (let i = 0; i < words.length; i++) words[i] = a.words[i]! & b.words[i]!;
  return rowSetFromWords(a.rows, words);
}

/** Ascending. */
export function* ordinalsOf({ words }: RowSet): Generator<number> {
  for (let i = 0; i < words.length; i++) {
    let word = words[i]!;
    while (word !== 0) {
      const bit = 31 - Math.clz32(word & -word);
      yield i * 32 + bit;
      word &= word - 1;
    }
  }
}

function popcount(words: Uint32Array): number {
  let count = 0;
  for (let word of words) {
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
