export { decoded, spoolType } from './convert/base64-columns.ts';
export type {
  CompactBasePart,
  CompactedPart,
  CompactedPartition,
  CompactPart,
  CompactPartitioning,
  CompactRequest,
  CompactResult,
} from './compact/request.ts';
export { createEngine, type Engine, type EngineOptions } from './engine.ts';
export type { SpawnChild } from './process/child-process.ts';
export type {
  ConvertInput,
  ConvertRequest,
  ConvertResult,
  CopyRequest,
  CopyResult,
  Misfit,
  OrderSpec,
  QueryResult,
  SessionQuery,
} from './protocol.ts';
