import { malformed } from './malformed.ts';

type Wire = 'number' | 'bytes';
type Count = 'one' | 'optional' | 'many';

/** The fields of a message by number: what may be there, and how often. */
export type Shape = Readonly<Record<number, readonly [Wire, Count]>>;

/** A message whose fields are those of its shape. */
export interface Message {
  has(field: number): boolean;
  number(field: number): number;
  bytes(field: number): Uint8Array;
  all(field: number): readonly Uint8Array[];
  /** Of a message in which one of several fields is there: the one. */
  readonly only: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads protobuf (https://protobuf.dev/programming-guides/encoding) in its one canonical form: known fields in
 * ascending order, shortest varints, nothing after the end. So nothing of the bytes goes unseen.
 * @throws HakiriError token.invalid
 */
export function readMessage(bytes: Uint8Array, shape: Shape): Message {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  let last = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw malformed('it ends in the middle');
      value += (byte & 127) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw malformed('a number in it is too large');
      if (byte < 128) {
        if (byte === 0 && scale > 1) throw malformed('a number in it is written at too great a length');
        return value;
      }
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const kind = shape[field];
    if (kind === undefined || field < last) throw malformed('it holds what has no place there');
    const [wire, count] = kind;
    if (tag % 8 !== (wire === 'number' ? 0 : 2)) throw malformed('a field has the wrong type');
    const values = fields.get(field) ?? [];
    if (values.length > 0 && count !== 'many') throw malformed('it says something twice');
    fields.set(field, values);
    const value = varint();
    if (wire === 'number') values.push(value);
    else {
      if (value > bytes.length - at) throw malformed('it ends in the middle');
      values.push(bytes.subarray(at, at + value));
      at += value;
    }
    last = field;
  }
  for (const [field, [, count]] of Object.entries(shape)) {
    if (count === 'one' && !fields.has(Number(field))) throw malformed('something is missing in it');
  }
  return {
    has: (field) => fields.has(field),
    number: (field) => fields.get(field)?.[0] as number,
    bytes: (field) => fields.get(field)?.[0] as Uint8Array,
    all: (field) => (fields.get(field) ?? []) as readonly Uint8Array[],
    get only() {
      const [field, second] = fields.keys();
      if (field === undefined || second !== undefined) throw malformed('a choice in it is not made');
      return field;
    },
  };
}

/** @throws HakiriError token.invalid */
export function readText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed('a text in it is not UTF-8');
  }
}
