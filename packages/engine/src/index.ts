export type {
  CompactBasePart,
  CompactedPart,
  CompactedPartition,
  CompactPart,
  CompactPartitioning,
  CompactRequest,
  CompactResult,
} from './compact/request.ts';
export { decoded, spoolType } from './convert/base64-columns.ts';
export { shortBounds, shortOrder } from './convert/short-bounds.ts';
export { createEngine, type Engine, type EngineOptions, type SessionLimits } from './engine.ts';
export type { SpawnChild } from './process/child-process.ts';
export type {
  ConvertInput,
  ConvertRequest,
  ConvertResult,
  CopyRequest,
  CopyResult,
  ExportResult,
  Misfit,
  OrderSpec,
  QueryResult,
  Session,
  SessionExport,
  SessionQuery,
} from './protocol.ts';
