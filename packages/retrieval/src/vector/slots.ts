import { hasRow, type RowSet } from '../sets/row-set.ts';

/** Vectors are stored without the rows that have none: a vector's number is its slot. */
export interface Slots {
  /** Of a row that has a vector. */
  slotOf(ordinal: number): number;
  ordinalOf(slot: number): number;
}

export function slotsOf(present: RowSet): Slots {
  if (present.count === present.rows) return { slotOf: (ordinal) => ordinal, ordinalOf: (slot) => slot };
  const { words } = present;
  const before = new Uint32Array(words.length);
  const ordinals = new Uint32Array(present.count);
  let slot = 0;
  for (let ordinal = 0; ordinal < present.rows; ordinal++) {
    if ((ordinal & 31) === 0) before[ordinal >>> 5] = slot;
    if (hasRow(present, ordinal)) ordinals[slot++] = ordinal;
  }
  return {
    slotOf: (ordinal) => {
      const word = ordinal >>> 5;
      return before[word]! + bits(words[word]! & ((1 << (ordinal & 31)) - 1));
    },
    ordinalOf: (of) => ordinals[of]!,
  };
}

function bits(word: number): number {
  let rest = word - ((word >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
