const FIRST_BYTES = 64 * 1024;

/** Bytes that arrive in pieces and leave as one. */
export class ByteBuffer {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, FIRST_BYTES));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** A view, valid until the next change. */
  view(start: number, end: number): Buffer {
    return this.#bytes.subarray(start, end);
  }

  truncate(length: number): void {
    this.#length = length;
  }

  /** Gives away the first bytes, which are the caller's from then on, and keeps a copy of the rest. */
  take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    const rest = this.#bytes.subarray(length, this.#length);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
    if (rest.length > 0) this.append(rest);
    return taken;
  }
}
