import { ordinalsOf } from '../sets/row-set.ts';
import type { SegmentSink } from './segment-file.ts';
import type { VectorKind, VectorSegment, VectorSegmentSummary } from './vector-segment.ts';
import { createVectorSegmentWriter } from './vector-segment-writer.ts';

export interface VectorSource {
  readonly segment: VectorSegment;
  /** By ordinal of the segment: the ordinal in the part that is made, -1 where the row is not in it. */
  readonly newOrdinal: Int32Array;
}

const NOWHERE = -1;

/**
 * The vectors of a part whose rows come from others, unchanged. Holds 8 bytes a row and a block of each source.
 * @throws HakiriError index.damaged, store.io
 */
export function gatherVectors(
  spec: VectorKind & { readonly rows: number },
  sources: readonly VectorSource[],
  sink: SegmentSink,
): VectorSegmentSummary {
  const writer = createVectorSegmentWriter(spec, sink);
  const sourceOf = new Int32Array(spec.rows).fill(NOWHERE);
  const slotOf = new Uint32Array(spec.rows);
  sources.forEach(({ segment, newOrdinal }, source) => {
    let slot = 0;
    for (const ordinal of ordinalsOf(segment.present)) {
      const to = newOrdinal[ordinal] ?? NOWHERE;
      if (to !== NOWHERE) {
        sourceOf[to] = source;
        slotOf[to] = slot;
      }
      slot++;
    }
  });
  const readers = sources.map(({ segment }) => vectorReader(segment));
  for (let row = 0; row < spec.rows; row++) {
    writer.addStored(sourceOf[row] === NOWHERE ? undefined : readers[sourceOf[row]!]!(slotOf[row]!));
  }
  return writer.finish();
}

/** Rows mostly come in the order in which they lie: a block in which two are wanted in a row is read whole. */
function vectorReader(segment: VectorSegment): (slot: number) => Float32Array {
  let held: readonly Float32Array[] = [];
  let heldFrom = 0;
  let lastBlock = -1;
  return (slot) => {
    const inHeld = held[slot - heldFrom];
    if (inHeld) return inHeld;
    const block = Math.floor(slot / segment.shape.rows);
    if (block !== lastBlock) {
      lastBlock = block;
      return segment.vectorsFrom(slot, 1)[0]!;
    }
    heldFrom = block * segment.shape.rows;
    held = segment.vectorsFrom(heldFrom, segment.shape.rows);
    return held[slot - heldFrom]!;
  };
}
