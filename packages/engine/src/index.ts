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
export { createEngine, type Engine, type EngineOptions, type JobLane } from './engine.ts';
export type { ChildRole, SpawnChild } from './process/child-process.ts';
export type { SessionLimits } from './process/deadline.ts';
export type {
  AggregateOnly,
  CitedRow,
  CitedTable,
  CiteRequest,
  ConvertInput,
  ConvertRequest,
  ConvertResult,
  CopyRequest,
  CopyResult,
  ExportResult,
  Misfit,
  OrderSpec,
  QueryCitations,
  QueryReads,
  QueryResult,
  Session,
  SessionBase,
  SessionExport,
  SessionQuery,
  SessionRelation,
} from './protocol.ts';
export { MAX_RELATION_ROWS } from './protocol.ts';
