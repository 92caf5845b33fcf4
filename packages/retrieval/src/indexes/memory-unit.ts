import type { IndexSpec, RunId, TextIndexSpec, VectorIndexSpec } from '@hakiri/core';
import { createTextSegmentBuilder, openTextSegment, type TextSegment } from '../text/index.ts';
import {
  createVectorSegmentWriter,
  memoryFile,
  memorySink,
  openVectorSegment,
  type VectorSegment,
} from '../vector/index.ts';
import { joinedText, placesAmong, type TextSource, textSources } from './column-text.ts';
import { indexId } from './definition.ts';
import type { DocumentVectors } from './document-vectors.ts';
import type { RowIdentities } from './opened-table.ts';
import type { ReadRow } from './read-rows.ts';

/** Small writes, held in memory with what finds them. Rows ascend by sequence. */
export interface MemoryUnit {
  readonly rows: readonly MemoryRow[];
  readonly identities: RowIdentities;
  /** Undefined where the index has no vectors for the rows yet. */
  segments(spec: IndexSpec): readonly TextSegment[] | VectorSegment | undefined;
}

export interface MemoryRow {
  readonly read: ReadRow;
  /** By the id of a vector index; null where the row has no text. */
  readonly vectors: ReadonlyMap<string, Float32Array | null>;
}

/** Vectors of rows, for every vector index that has them all. */
export function withVectors(
  rows: readonly ReadRow[],
  specs: readonly IndexSpec[],
  vectors: DocumentVectors,
): readonly MemoryRow[] {
  const sources = textSources(specs);
  const made = rows.map((read) => ({ read, vectors: new Map<string, Float32Array | null>() }));
  for (const spec of specs) {
    if (spec.kind !== 'vector') continue;
    const at = placesAmong(sources, spec);
    const texts = rows.map((row) => joinedText(at.map((i) => row.texts[i] ?? null)));
    const found = vectors.of(spec, texts);
    found.forEach((vector, i) => {
      if (vector !== undefined) made[i]!.vectors.set(indexId(spec), vector);
    });
  }
  return made;
}

export function memoryUnit(
  run: RunId,
  rows: readonly MemoryRow[],
  sources: readonly TextSource[],
  keyed: boolean,
): MemoryUnit {
  const built = new Map<string, readonly TextSegment[] | VectorSegment | undefined>();
  return {
    rows,
    identities: {
      rows: rows.length,
      runs: [run],
      runIndexAt: () => 0,
      seqAt: (ordinal) => rows[ordinal]!.read.seq,
      keyAt: (ordinal) => (keyed ? rows[ordinal]!.read.key : [run, rows[ordinal]!.read.seq]),
    },
    segments(spec) {
      const id = indexId(spec);
      if (!built.has(id)) {
        built.set(id, spec.kind === 'fts' ? textSegments(spec, rows, sources) : vectorSegment(spec, rows));
      }
      return built.get(id);
    },
  };
}

function textSegments(
  spec: TextIndexSpec,
  rows: readonly MemoryRow[],
  sources: readonly TextSource[],
): readonly TextSegment[] {
  return placesAmong(sources, spec).map((at) => {
    const builder = createTextSegmentBuilder({ analyzer: spec.analyzer });
    rows.forEach(({ read }, ordinal) => {
      builder.add(ordinal, read.texts[at] ?? null);
    });
    const bytes = Buffer.concat(builder.finish(rows.length));
    return openTextSegment((offset, length) => bytes.subarray(offset, offset + length), bytes.length);
  });
}

function vectorSegment(spec: VectorIndexSpec, rows: readonly MemoryRow[]): VectorSegment | undefined {
  const id = indexId(spec);
  if (rows.some(({ vectors }) => !vectors.has(id))) return undefined;
  const { sink, bytes } = memorySink();
  const writer = createVectorSegmentWriter({ ...spec, rows: rows.length }, sink);
  for (const { vectors } of rows) writer.addStored(vectors.get(id) ?? undefined);
  writer.finish();
  return openVectorSegment(memoryFile(bytes()), { ...spec, rows: rows.length });
}
