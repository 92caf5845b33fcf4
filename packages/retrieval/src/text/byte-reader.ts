import { damaged } from './damaged.ts';

/** Reads what `ByteWriter` wrote; past the end it is damaged. */
export interface ByteReader {
  readonly at: number;
  readonly done: boolean;
  byte(): number;
  varint(): number;
  bytes(length: number): Uint8Array;
}

export function createByteReader(source: Uint8Array): ByteReader {
  let at = 0;
  return {
    get at() {
      return at;
    },
    get done() {
      return at >= source.length;
    },
    byte() {
      if (at >= source.length) throw damaged('it ends in the middle of a value');
      return source[at++]!;
    },
    varint() {
      let value = 0;
      let scale = 1;
      for (let i = 0; i < 8; i++) {
        if (at >= source.length) throw damaged('it ends in the middle of a number');
        const byte = source[at++]!;
        value += (byte & 0x7f) * scale;
        if (byte < 0x80) {
          if (value > Number.MAX_SAFE_INTEGER) break;
          return value;
        }
        scale *= 128;
      }
      throw damaged('a number is too large');
    },
    bytes(length) {
      if (at + length > source.length) throw damaged('it ends in the middle of a word');
      at += length;
      return source.subarray(at - length, at);
    },
  };
}
