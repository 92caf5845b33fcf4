import type { SegmentFile, SegmentSink } from './segment-file.ts';
import { damaged } from './vector-format.ts';

/** A segment that is held in memory. */
export function memoryFile(bytes: Uint8Array): SegmentFile {
  const within = (offset: number, length: number): Uint8Array => {
    if (offset < 0 || offset + length > bytes.length) throw damaged('it ends too early');
    return bytes.subarray(offset, offset + length);
  };
  return {
    bytes: bytes.length,
    read: (offset, length) => within(offset, length).slice(),
    readInto: (offset, into) => into.set(within(offset, into.length)),
  };
}

/** Collects what a writer writes. */
export function memorySink(): { readonly sink: SegmentSink; bytes(): Uint8Array } {
  const pieces: Uint8Array[] = [];
  return {
    sink: (bytes) => void pieces.push(bytes.slice()),
    bytes: () => {
      const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const piece of pieces) {
        whole.set(piece, at);
        at += piece.length;
      }
      return whole;
    },
  };
}
