import { type LogicalType, RESERVED_PREFIX, type RedactedColumn } from '@hakiri/core';

/** What becomes of the values at one place in the records of a table. */
export type Place =
  | { readonly kind: 'clear' }
  | { readonly kind: 'replace'; readonly by: RedactedColumn; readonly with: Replacement }
  /** The key goes, too. */
  | { readonly kind: 'drop' }
  /** Never seen and never named: the key stays without its value, unless it is data itself. `key` may be shown. */
  | { readonly kind: 'unnamed'; readonly key: string; readonly isData: boolean }
  | InsidePlace;

/** Objects are looked into, and each object of a list. */
export interface InsidePlace {
  readonly kind: 'inside';
  readonly path: string;
  /** By folded key. */
  readonly children: ReadonlyMap<string, Place>;
  readonly others: 'clear' | 'unnamed';
  /** What is neither object nor list where one of them was looked for. */
  readonly scalars: 'clear' | 'null';
  /** By position in the object: records of a table mostly have the same keys in the same order. */
  readonly guesses: Guess[];
}

interface Guess {
  readonly key: Buffer;
  readonly place: Place;
}

/** The JSON text of what is left of a scalar, given as JSON text; undefined for what is not JSON. */
export type Replacement = (json: string) => Buffer | undefined;

/** One thing said about a path. */
export interface PathRule {
  readonly path: readonly string[];
  readonly place: Place;
}

/** What is known beneath one place. */
export interface Knowledge {
  readonly rules: readonly PathRule[];
  /** Paths that the manifest names. */
  readonly named: readonly (readonly string[])[];
  /** Everything below was named, or nobody asks for names. */
  readonly isNamed: boolean;
  /** What files hold there in clear already. */
  readonly seen: LogicalType | undefined;
}

export const CLEAR: Place = { kind: 'clear' };

const BACKSLASH = 0x5c;
const MAX_GUESSES = 400;
/** Keys that are told apart from others only by being long are remembered no longer than this. */
const MAX_GUESSED_KEY = 256;
/** Beyond it a path is matched as it is split, and not as keys that hold dots themselves. */
const MAX_DOTTED = 6;

export function rootPlace(knowledge: Knowledge): InsidePlace {
  return insidePlace('', knowledge);
}

/**
 * What becomes of the value of a key.
 * @param from behind the key's opening quote
 * @param to before its closing quote
 * @param index of the key in its object
 */
export function placeOfKey(
  place: InsidePlace,
  bytes: Buffer,
  from: number,
  to: number,
  index: number,
): Place {
  const guess = place.guesses[index];
  if (guess !== undefined && isSame(guess.key, bytes, from, to)) return guess.place;
  const raw = bytes.toString('utf8', from, to);
  const key = raw.includes('\\') ? unescaped(raw) : raw;
  const found = place.children.get(foldKey(key)) ?? otherPlace(place, key);
  if (index < MAX_GUESSES && to - from <= MAX_GUESSED_KEY && !bytes.subarray(from, to).includes(BACKSLASH)) {
    place.guesses[index] = { key: Buffer.from(bytes.subarray(from, to)), place: found };
  }
  return found;
}

/** Columns and keys do not tell case apart, of ASCII letters. */
export function foldKey(key: string): string {
  return key.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether a key may be a value itself, an address or a number: then not even its name is kept. */
function isDataKey(key: string): boolean {
  return !/^[\p{L}_][\p{L}\p{M}\p{N}_ .$/-]{0,63}$/u.test(key) || /\d{7}/.test(key.replace(/[ .$/_-]/g, ''));
}

function placeAt(path: string, key: string, knowledge: Knowledge): Place {
  const ends = knowledge.rules.find((rule) => rule.path.length === 0);
  if (ends !== undefined) return ends.place;
  const { rules } = knowledge;
  const isNamed =
    knowledge.isNamed ||
    knowledge.seen?.kind === 'json' ||
    knowledge.named.some((named) => named.length === 0);
  if (isNamed && rules.length === 0) return CLEAR;
  const seen = knowledge.seen?.kind === 'undecided' ? undefined : knowledge.seen;
  if (!isNamed && rules.length === 0 && knowledge.named.length === 0 && seen === undefined) {
    return unnamedPlace(path, key);
  }
  return insidePlace(path, { ...knowledge, isNamed, seen });
}

function insidePlace(path: string, { rules, named, isNamed, seen }: Knowledge): InsidePlace {
  const item = itemOf(seen);
  const fields = new Map<string, LogicalType>();
  if (item?.kind === 'struct') for (const { name, type } of item.fields) fields.set(foldKey(name), type);
  const below = new Map<string, { rules: PathRule[]; named: (readonly string[])[] }>();
  const at = (key: string) => {
    const known = below.get(foldKey(key)) ?? { rules: [], named: [] };
    below.set(foldKey(key), known);
    return known;
  };
  for (const rule of rules) {
    for (const [key, rest] of splits(rule.path)) at(key).rules.push({ path: rest, place: rule.place });
  }
  for (const each of named) for (const [key, rest] of splits(each)) at(key).named.push(rest);
  for (const name of fields.keys()) at(name);
  const children = new Map<string, Place>();
  for (const [key, known] of below) {
    const type = fields.get(key);
    children.set(key, placeAt(pathOf(path, key), key, { ...known, isNamed, seen: type }));
  }
  const isScalarSeen = item !== undefined && item.kind !== 'struct' && item.kind !== 'undecided';
  return {
    kind: 'inside',
    path,
    children,
    others: isNamed ? 'clear' : 'unnamed',
    scalars: rules.length === 0 && (isNamed || isScalarSeen) ? 'clear' : 'null',
    guesses: [],
  };
}

/** A key may itself hold dots: each way in which the names of a path make a first key and a rest. */
function splits(path: readonly string[]): readonly (readonly [key: string, rest: readonly string[]])[] {
  if (path.length === 0) return [];
  const ways = path.length > MAX_DOTTED ? 1 : path.length;
  return Array.from({ length: ways }, (_, i) => [path.slice(0, i + 1).join('.'), path.slice(i + 1)] as const);
}

function itemOf(type: LogicalType | undefined): LogicalType | undefined {
  return type?.kind === 'list' ? itemOf(type.item) : type;
}

function otherPlace(place: InsidePlace, key: string): Place {
  if (place.others === 'clear' || (place.path === '' && key === DELETE_MARKER)) return CLEAR;
  return unnamedPlace(pathOf(place.path, key), key);
}

/** The one key of ours that a record may hold: a boolean. */
const DELETE_MARKER = `${RESERVED_PREFIX}deleted`;

export function pathOf(above: string, key: string): string {
  return above === '' ? key : `${above}.${key}`;
}

export function unnamedPlace(path: string, key: string): Place {
  const isData = isDataKey(key);
  return { kind: 'unnamed', key: isData ? 'a key that may be a value itself' : path, isData };
}

function unescaped(raw: string): string {
  try {
    return (JSON.parse(`"${raw}"`) as string).toWellFormed();
  } catch {
    // Not JSON, and refused as such by whoever reads the line next.
    return raw;
  }
}

function isSame(key: Buffer, bytes: Buffer, from: number, to: number): boolean {
  const { length } = key;
  if (to - from !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== key[i]) return false;
  return true;
}
