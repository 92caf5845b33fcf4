import { hasRow, type RowSet, rowSetFromWords } from '../sets/row-set.ts';

/** Vectors are stored without the rows that have none: a vector's number is its slot. */
export interface Slots {
  /** Of a row that has a vector. */
  slotOf(ordinal: number): number;
  ordinalOf(slot: number): number;
  /** Of those of the rows that have a vector. Sets of rows are memoised by who makes them, and so are these. */
  slotsOf(rows: RowSet): RowSet;
}

export function slotsOf(present: RowSet): Slots {
  if (present.count === present.rows) {
    return { slotOf: (ordinal) => ordinal, ordinalOf: (slot) => slot, slotsOf: (rows) => rows };
  }
  const { words } = present;
  const before = new Uint32Array(words.length);
  const ordinals = new Uint32Array(present.count);
  let slot = 0;
  for (let ordinal = 0; ordinal < present.rows; ordinal++) {
    if ((ordinal & 31) === 0) before[ordinal >>> 5] = slot;
    if (hasRow(present, ordinal)) ordinals[slot++] = ordinal;
  }
  const known = new WeakMap<RowSet, RowSet>();
  return {
    slotOf: (ordinal) => {
      const word = ordinal >>> 5;
      return before[word]! + bits(words[word]! & ((1 << (ordinal & 31)) - 1));
    },
    ordinalOf: (of) => ordinals[of]!,
    slotsOf: (rows) => {
      const slots = known.get(rows) ?? slotsAmong(ordinals, rows);
      known.set(rows, slots);
      return slots;
    },
  };
}

function slotsAmong(ordinals: Uint32Array, rows: RowSet): RowSet {
  const words = new Uint32Array((ordinals.length + 31) >>> 5);
  ordinals.forEach((ordinal, slot) => {
    if (hasRow(rows, ordinal)) words[slot >>> 5]! |= 1 << (slot & 31);
  });
  return rowSetFromWords(ordinals.length, words);
}

function bits(word: number): number {
  let rest = word - ((word >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
