const SMALL_BYTES = 8 * 1024;
const SCRATCH_BYTES = 64 * 1024;

/** Gathers accepted lines: large runs as they are, small ones together, so that writing them stays cheap. */
export class LinePieces {
  readonly #pieces: Uint8Array[] = [];
  #scratch: Buffer = Buffer.alloc(0);
  #used = 0;

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (piece.length > SMALL_BYTES) {
      this.#seal();
      this.#pieces.push(piece);
      return;
    }
    if (this.#used + piece.length > this.#scratch.length) {
      this.#seal();
      this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    }
    this.#scratch.set(piece, this.#used);
    this.#used += piece.length;
  }

  finish(): Uint8Array[] {
    this.#seal();
    return this.#pieces;
  }

  #seal(): void {
    if (this.#used === 0) return;
    this.#pieces.push(this.#scratch.subarray(0, this.#used));
    this.#scratch = this.#scratch.subarray(this.#used);
    this.#used = 0;
  }
}
