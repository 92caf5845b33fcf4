export { gatherVectors, type VectorSource } from './gather-vectors.ts';
export { memoryFile, memorySink } from './memory-file.ts';
export { openVectorSegment } from './open-vector-segment.ts';
export { type ScannedUnit, scanVectors } from './scan-vectors.ts';
export type { SegmentFile, SegmentSink } from './segment-file.ts';
export type { ScoredRow, TieOrder } from './top-rows.ts';
export type { VectorKind, VectorSegment, VectorSegmentSummary } from './vector-segment.ts';
export { createVectorSegmentWriter, type VectorSegmentWriter } from './vector-segment-writer.ts';
