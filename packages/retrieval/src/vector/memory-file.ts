import type { SegmentFile, SegmentSink } from './segment-file.ts';
import { damaged } from './vector-format.ts';

/** A segment that is held in memory. */
export function memoryFile(bytes: Uint8Array): SegmentFile {
  return {
    bytes: bytes.length,
    read(offset, length) {
      if (offset < 0 || offset + length > bytes.length) throw damaged('it ends too early');
      return bytes.slice(offset, offset + length);
    },
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
