import { crc32 } from 'node:zlib';
import { HakiriError } from '@hakiri/core';
import { quantize, toLengthOne } from './quantize.ts';
import type { SegmentSink } from './segment-file.ts';
import { blockShape, encodeHeader, encodeTrailer } from './vector-format.ts';
import type { VectorKind, VectorSegmentSummary } from './vector-segment.ts';

export interface VectorSegmentWriter {
  /** The vector of the next row, of any length; undefined or zeros where it has none. */
  add(vector: Float32Array | undefined): void;
  /** A vector as another segment holds it: not a bit of it changes. */
  addStored(vector: Float32Array | undefined): void;
  /** Once every row was added. */
  finish(): VectorSegmentSummary;
}

/**
 * Writes the vectors of a part of `rows` rows in the order of their ordinals. Holds one block, some 320 KB, and a bit
 * a row.
 * @throws HakiriError embedding.dimension
 */
export function createVectorSegmentWriter(
  spec: VectorKind & { readonly rows: number },
  sink: SegmentSink,
): VectorSegmentWriter {
  const { dims, scan, rows } = spec;
  const shape = blockShape(spec);
  const bytesPart = scan === 'int8' ? new Int8Array(shape.rows * shape.stride) : undefined;
  const scales = new Float32Array(shape.rows);
  const floats = new Uint8Array(shape.rows * shape.floatRow);
  const presence = new Uint32Array((rows + 31) >>> 5);
  let ordinal = 0;
  let inBlock = 0;
  let vectors = 0;
  let written = 0;

  const put = (bytes: Uint8Array): void => {
    sink(bytes);
    written += bytes.length;
  };
  put(encodeHeader(spec, rows));

  const flush = (): void => {
    if (inBlock === 0) return;
    if (bytesPart) {
      const head = new Uint8Array(shape.head(inBlock));
      head.set(new Uint8Array(bytesPart.buffer, 0, inBlock * shape.stride));
      head.set(new Uint8Array(scales.buffer, 0, inBlock * 4), inBlock * shape.stride);
      new DataView(head.buffer).setUint32(head.length - 4, crc32(head.subarray(0, -4)), true);
      put(head);
    }
    put(floats.subarray(0, inBlock * shape.floatRow));
    inBlock = 0;
  };

  const addStored = (vector: Float32Array | undefined): void => {
    if (ordinal >= rows) throw new RangeError(`More rows than the ${rows} of the part`);
    const row = ordinal++;
    if (!vector) return;
    presence[row >>> 5]! |= 1 << (row & 31);
    if (bytesPart) {
      const at = inBlock * shape.stride;
      scales[inBlock] = quantize(vector, bytesPart.subarray(at, at + dims));
    }
    const at = inBlock * shape.floatRow;
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, dims * 4);
    floats.set(bytes, at);
    new DataView(floats.buffer).setUint32(at + dims * 4, crc32(bytes), true);
    vectors++;
    if (++inBlock === shape.rows) flush();
  };

  return {
    addStored,
    add(vector) {
      if (vector && vector.length !== dims) {
        throw new HakiriError(
          'embedding.dimension',
          `A vector of ${vector.length} dimensions for an index of ${dims}`,
        );
      }
      addStored(vector && toLengthOne(vector));
    },
    finish() {
      if (ordinal !== rows) throw new RangeError(`${ordinal} rows of the ${rows} of the part`);
      flush();
      const bits = new Uint8Array(presence.buffer);
      put(bits);
      put(encodeTrailer(vectors, bits));
      return { rows, vectors, bytes: written };
    },
  };
}
