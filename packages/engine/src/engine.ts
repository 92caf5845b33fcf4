import type { JsonValue, TableSchema } from '@hakiri/core';
import type { CompactRequest, CompactResult } from './compact/request.ts';
import type { EngineChild, SpawnChild } from './process/child-process.ts';
import type { SessionLimits } from './process/deadline.ts';
import { createLane } from './process/lane.ts';
import { createSqlPool } from './process/sql-pool.ts';
import type {
  ConvertRequest,
  ConvertResult,
  CopyRequest,
  CopyResult,
  ExportResult,
  QueryResult,
  SessionExport,
  SessionQuery,
} from './protocol.ts';

export interface Engine {
  /** Writes one part. Records that do not fit come back as misfits; the part holds all others. */
  convert(request: ConvertRequest): Promise<ConvertResult>;
  /**
   * Checks what can be checked of a transform before any record is there.
   * @throws HakiriError transform.invalid, transform.clock, transform.function
   */
  checkTransform(transform: string): Promise<void>;
  /**
   * Checks a transform and tells what it gives.
   * @throws HakiriError transform.invalid, transform.clock, transform.function
   */
  describe(input: TableSchema, transform: string): Promise<TableSchema>;
  /** @throws HakiriError source.csv_malformed, source.parquet_damaged */
  fileSchema(path: string, format: 'csv' | 'parquet'): Promise<TableSchema>;
  /** Rows in a Parquet file, read back from the disk. */
  countRows(path: string): Promise<number>;
  /** A small answer to a trusted SELECT: it is held in memory. Values are in the one JSON form. */
  select(sql: string): Promise<readonly (readonly JsonValue[])[]>;
  /** Writes what a trusted SELECT gives as a part; without rows there is no file. */
  copy(request: CopyRequest): Promise<CopyResult>;
  /**
   * Long work in a child of its own, so that what a run or a reader asks never waits behind it. Which jobs there
   * are is settled where the child starts. What a commit waits for goes to the `writer`: it takes its turn among the
   * parts, and never waits behind a compaction.
   */
  job<Result>(job: string, request: unknown, lane?: JobLane): Promise<Result>;
  /**
   * A registered job in the reader's child, which lives long and may keep what it has read. One at a time, apart from
   * the other children. One that passes its limits is ended with the child; what waits behind it gets a new one.
   * @throws HakiriError query.timeout, interrupted, and what the job throws
   */
  read<Result>(job: string, request: unknown, limits: SessionLimits): Promise<Result>;
  /**
   * Merges newer parts into a snapshot's, in a child of its own.
   * @throws HakiriError store.disk_full, store.io, store.damaged, engine.out_of_memory
   */
  compact(request: CompactRequest): Promise<CompactResult>;
  /** One SELECT in a fresh, locked session; the child is killed when it passes its time. */
  query(query: SessionQuery, limits: SessionLimits): Promise<QueryResult>;
  /**
   * Writes what one SELECT gives to a file, in such a session. A file that was begun is left when it fails.
   * @throws HakiriError query.*, store.disk_full
   */
  export(request: SessionExport, limits: SessionLimits): Promise<ExportResult>;
  /** Process ids of the children alive now. */
  pids(): readonly number[];
  close(): Promise<void>;
}

/** `apart`: what may take minutes, and nobody is to wait behind. */
export type JobLane = 'background' | 'writer' | 'apart';

export interface EngineOptions {
  readonly spawn: SpawnChild;
  /** Parts a writer child makes before it is replaced, so that its memory cannot creep up. */
  readonly recycleAfterParts?: number;
  /** Memory that a child may keep once it has answered; past it, it is replaced. */
  readonly recycleAtBytes?: number;
  /** The same of the reader's child, which keeps indexes. */
  readonly recycleReaderAtBytes?: number;
  /** A child that had nothing to do for so long is stopped; undefined: never. */
  readonly idleMs?: number | undefined;
  /** While queries come, one more SQL child than they need waits ready, for the query after one that is killed. */
  readonly spareSqlChild?: boolean;
}

const RECYCLE_AFTER_PARTS = 64;
/** Of a child that has nothing to do: what it took for its work, it should have given back. */
const RECYCLE_AT_BYTES = 320 * 1024 * 1024;
const RECYCLE_READER_AT_BYTES = 1536 * 1024 * 1024;
const MAX_SQL_CHILDREN = 4;

export function createEngine({
  spawn,
  recycleAfterParts = RECYCLE_AFTER_PARTS,
  recycleAtBytes = RECYCLE_AT_BYTES,
  recycleReaderAtBytes = RECYCLE_READER_AT_BYTES,
  idleMs,
  spareSqlChild = false,
}: EngineOptions): Engine {
  const writer = createLane(spawn, { role: 'writer', recycleAfterParts, recycleAtBytes, idleMs });
  const background = createLane(spawn, { role: 'writer', recycleAfterParts, recycleAtBytes, idleMs });
  const apart = createLane(spawn, { role: 'writer', recycleAfterParts, recycleAtBytes, idleMs });
  const lanes: Readonly<Record<JobLane, typeof writer>> = { background, writer, apart };
  const reader = createLane(spawn, {
    role: 'reader',
    recycleAfterParts: Number.POSITIVE_INFINITY,
    recycleAtBytes: recycleReaderAtBytes,
    idleMs,
  });
  const sql = createSqlPool(spawn, {
    maxChildren: MAX_SQL_CHILDREN,
    recycleAtBytes,
    idleMs,
    keepSpare: spareSqlChild,
  });
  const children = (): readonly (EngineChild | undefined)[] => [
    writer.child,
    background.child,
    apart.child,
    reader.child,
    ...sql.children(),
  ];

  return {
    convert: (request) => writer.ask({ op: 'convert', ...request }, { makes: 'part' }),
    checkTransform: (transform) => writer.ask({ op: 'check_transform', transform }),
    describe: (input, transform) => writer.ask({ op: 'describe', input, transform }),
    fileSchema: (path, format) => writer.ask({ op: 'file_schema', path, format }),
    countRows: (path) => writer.ask({ op: 'count_rows', path }),
    select: (sql) => writer.ask({ op: 'select', sql }),
    copy: (request) => writer.ask({ op: 'copy', ...request }, { makes: 'part' }),
    job: (job, request, lane = 'background') =>
      lanes[lane].ask({ op: 'job', job, request }, { makes: 'part' }),
    read: (job, request, limits) => reader.ask({ op: 'job', job, request }, { limits }),
    compact: (request) => background.ask({ op: 'job', job: 'compact', request }, { makes: 'part' }),
    query: (query, limits) => sql.ask<QueryResult>({ op: 'query', ...query }, limits),
    export: (request, limits) => sql.ask<ExportResult>({ op: 'export', ...request }, limits),
    pids: () => children().flatMap((child) => (child?.alive && child.pid ? [child.pid] : [])),
    async close() {
      sql.close();
      await Promise.all(children().map((child) => child?.kill()));
    },
  };
}
