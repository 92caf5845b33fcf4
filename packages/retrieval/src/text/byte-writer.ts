/** Grows as it is written to; little-endian. */
export interface ByteWriter {
  readonly length: number;
  byte(value: number): void;
  /** LEB128 of a whole number below 2^53. */
  varint(value: number): void;
  bytes(value: Uint8Array): void;
  /** `count` values of `width` bits each from the lowest bit on, filled up to whole words of 32 bits. */
  packed(values: Uint32Array, from: number, count: number, width: number): void;
  /** Zeros up to a multiple of four. */
  align(): void;
  /** What was written and not taken yet. */
  take(): Uint8Array;
}

export function createByteWriter(): ByteWriter {
  let buffer = new Uint8Array(1 << 12);
  let used = 0;
  let taken = 0;

  function room(bytes: number): void {
    if (used + bytes <= buffer.length) return;
    const larger = new Uint8Array(Math.max(buffer.length * 2, used + bytes));
    larger.set(buffer.subarray(0, used));
    buffer = larger;
  }

  function word(value: number): void {
    buffer[used++] = value;
    buffer[used++] = value >>> 8;
    buffer[used++] = value >>> 16;
    buffer[used++] = value >>> 24;
  }

  return {
    get length() {
      return taken + used;
    },
    byte(value) {
      room(1);
      buffer[used++] = value;
    },
    varint(value) {
      room(8);
      let rest = value;
      for (; rest >= 0x8000_0000; rest = Math.floor(rest / 128)) buffer[used++] = (rest % 128) | 0x80;
      for (; rest >= 0x80; rest >>>= 7) buffer[used++] = rest | 0x80;
      buffer[used++] = rest;
    },
    bytes(value) {
      room(value.length);
      buffer.set(value, used);
      used += value.length;
    },
    packed(values, from, count, width) {
      if (width === 0) return;
      room(((count * width + 31) >>> 5) * 4);
      let bits = 0;
      let filled = 0;
      for (let i = from; i < from + count; i++) {
        const value = values[i]!;
        bits |= value << filled;
        filled += width;
        if (filled < 32) continue;
        word(bits);
        filled -= 32;
        bits = filled === 0 ? 0 : value >>> (width - filled);
      }
      if (filled > 0) word(bits);
    },
    align() {
      room(3);
      while (((taken + used) & 3) !== 0) buffer[used++] = 0;
    },
    take() {
      const bytes = buffer.slice(0, used);
      taken += used;
      used = 0;
      return bytes;
    },
  };
}

/** Bits that the largest value takes. */
export function bitWidth(largest: number): number {
  return 32 - Math.clz32(largest);
}

/** Words of 32 bits that `count` values of `width` bits take. */
export function packedWords(count: number, width: number): number {
  return Math.ceil((count * width) / 32);
}
