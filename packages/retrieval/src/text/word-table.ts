/** Words numbered from 0 in the order they are added, found without making a string of each that is looked for. */
export interface WordTable {
  /** The number of the word in `source` from `from` to `to`; -1: it was not added. */
  find(source: string, from: number, to: number): number;
  /** A word that `find` has just not found, with the number after the last; returns it as a string of its own. */
  add(source: string, from: number, to: number): string;
}

export function createWordTable(): WordTable {
  let letters = new Uint16Array(1 << 13);
  // By number: where its letters start, and after the last one where they end.
  let starts = new Uint32Array(1 << 10);
  let hashes = new Int32Array(1 << 10);
  // Open addressing, at most half full; 0 is empty, otherwise the number more one.
  let slots = new Int32Array(1 << 11);
  let words = 0;

  function insert(number: number): void {
    const mask = slots.length - 1;
    let slot = hashes[number]! & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = number + 1;
  }

  function grow(): void {
    hashes = larger(hashes, hashes.length * 2);
    starts = larger(starts, starts.length * 2);
    slots = new Int32Array(slots.length * 2);
    for (let i = 0; i < words; i++) insert(i);
  }

  function isAt(number: number, source: string, from: number, to: number): boolean {
    const start = starts[number]!;
    if (starts[number + 1]! - start !== to - from) return false;
    const offset = start - from;
    for (let at = from; at < to; at++) if (source.charCodeAt(at) !== letters[at + offset]) return false;
    return true;
  }

  return {
    find(source, from, to) {
      const hash = hashOf(source, from, to);
      const mask = slots.length - 1;
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        const number = slots[slot]! - 1;
        if (number < 0) return -1;
        if (hashes[number] === hash && isAt(number, source, from, to)) return number;
      }
    },
    add(source, from, to) {
      if (words + 1 === starts.length) grow();
      const start = starts[words]!;
      const end = start + to - from;
      if (end > letters.length) letters = larger(letters, Math.max(end, letters.length * 2));
      for (let at = from; at < to; at++) letters[start + at - from] = source.charCodeAt(at);
      hashes[words] = hashOf(source, from, to);
      insert(words++);
      starts[words] = end;
      // A slice would keep the whole text in memory for as long as the word.
      return String.fromCharCode(...letters.subarray(start, end));
    },
  };
}

function hashOf(source: string, from: number, to: number): number {
  let hash = 0;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ source.charCodeAt(at), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function larger<T extends Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(
  array: T,
  length: number,
): T {
  const made = new (array.constructor as new (length: number) => T)(length);
  made.set(array);
  return made;
}
