import { BUILT_IN_DIMS } from '@hakiri/core';
import { wordWeight } from './common-words.ts';

/** The places of a vector that a word adds to, and what it adds there: of length 1 times the word's weight. */
export interface WordVector {
  readonly places: Uint16Array;
  readonly values: Float32Array;
}

const SHORTEST_PIECE = 3;
const LONGEST_PIECE = 5;
/** Each feature is spread over as many places: one that collides with another is told apart by the rest. */
const SPREAD = 2;
/** All pieces of a word together beside the word as a whole. */
const PIECES_WEIGHT = 1.2;
const KEPT_WORDS = 8192;

const dense = new Float32Array(BUILT_IN_DIMS);
let kept = new Map<string, WordVector>();

/** Words are few beside their occurrences: what was made is kept. */
export function wordVector(word: string): WordVector {
  const known = kept.get(word);
  if (known !== undefined) return known;
  const made = makeVector(word);
  if (kept.size >= KEPT_WORDS) kept = new Map();
  // A part of a text keeps the whole of it in memory; a copy does not.
  kept.set(` ${word}`.slice(1), made);
  return made;
}

function makeVector(word: string): WordVector {
  dense.fill(0);
  addFeature(hash(word, 0, word.length), 1);
  const marked = `<${word}>`;
  const weight = PIECES_WEIGHT / Math.sqrt(Math.max(1, countPieces(marked.length)));
  for (let size = SHORTEST_PIECE; size <= LONGEST_PIECE; size++) {
    for (let at = 0; at + size <= marked.length; at++) addFeature(hash(marked, at, at + size) ^ size, weight);
  }
  return sparse(wordWeight(word));
}

function countPieces(length: number): number {
  let count = 0;
  for (let size = SHORTEST_PIECE; size <= LONGEST_PIECE; size++) count += Math.max(0, length - size + 1);
  return count;
}

function addFeature(feature: number, weight: number): void {
  let bits = feature;
  for (let i = 0; i < SPREAD; i++) {
    bits = mix((bits + 0x9e3779b9) | 0);
    // The lowest bit is the sign, the rest the place; each product is exact in a double.
    const place = Math.floor(((bits >>> 1) * BUILT_IN_DIMS) / 0x80000000);
    dense[place]! += (bits & 1) === 1 ? weight : -weight;
  }
}

function sparse(weight: number): WordVector {
  let squares = 0;
  let count = 0;
  for (const value of dense) {
    squares += value * value;
    if (value !== 0) count++;
  }
  const scale = squares === 0 ? 0 : weight / Math.sqrt(squares);
  const places = new Uint16Array(count);
  const values = new Float32Array(count);
  let next = 0;
  for (let place = 0; place < BUILT_IN_DIMS; place++) {
    const value = dense[place]!;
    if (value === 0) continue;
    places[next] = place;
    values[next++] = value * scale;
  }
  return { places, values };
}

/** FNV-1a over code units (http://www.isthe.com/chongo/tech/comp/fnv), then mixed. */
function hash(text: string, from: number, to: number): number {
  let bits = 0x811c9dc5;
  for (let i = from; i < to; i++) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  return mix(bits);
}

/** The last steps of MurmurHash3 (https://github.com/aappleby/smhasher): every bit depends on every other. */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
