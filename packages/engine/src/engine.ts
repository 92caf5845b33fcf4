import { HakiriError, type JsonValue, type TableSchema } from '@hakiri/core';
import type { CompactRequest, CompactResult } from './compact/request.ts';
import { EngineChild, type SpawnChild } from './process/child-process.ts';
import type {
  ConvertRequest,
  ConvertResult,
  CopyRequest,
  CopyResult,
  EngineRequest,
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
   * are is settled where the child starts.
   */
  job<Result>(job: string, request: unknown): Promise<Result>;
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

export interface SessionLimits {
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EngineOptions {
  readonly spawn: SpawnChild;
  /** Parts a writer child makes before it is replaced, so that its memory cannot creep up. */
  readonly recycleAfterParts?: number;
  /** Memory that a child may keep once it has answered; past it, it is replaced. */
  readonly recycleAtBytes?: number;
}

const RECYCLE_AFTER_PARTS = 64;
/** Of a child that has nothing to do: what it took for its work, it should have given back. */
const RECYCLE_AT_BYTES = 320 * 1024 * 1024;

export function createEngine({
  spawn,
  recycleAfterParts = RECYCLE_AFTER_PARTS,
  recycleAtBytes = RECYCLE_AT_BYTES,
}: EngineOptions): Engine {
  const writer = createLane(spawn, recycleAfterParts, recycleAtBytes);
  const background = createLane(spawn, recycleAfterParts, recycleAtBytes);
  const sqlChildren = new Set<EngineChild>();
  let idleSql: EngineChild | undefined;

  const takeSqlChild = (): EngineChild => {
    const child = idleSql?.alive ? idleSql : new EngineChild(spawn, 'sql');
    idleSql = undefined;
    sqlChildren.add(child);
    return child;
  };

  const giveBack = (child: EngineChild): void => {
    if (!child.alive) sqlChildren.delete(child);
    else if (idleSql?.alive || child.memoryBytes >= recycleAtBytes) {
      sqlChildren.delete(child);
      void child.kill();
    } else idleSql = child;
  };

  const askSql = async <Result>(
    request: EngineRequest,
    { timeoutMs, signal }: SessionLimits,
  ): Promise<Result> => {
    signal?.throwIfAborted();
    const child = takeSqlChild();
    const stop = (reason: HakiriError) => void child.kill(reason);
    const overrun =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => stop(new HakiriError('query.timeout', `The query ran longer than ${timeoutMs / 1000} s`)),
            timeoutMs,
          );
    const onAbort = () => stop(new HakiriError('interrupted', 'The query was stopped'));
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return (await child.request(request)) as Result;
    } finally {
      clearTimeout(overrun);
      signal?.removeEventListener('abort', onAbort);
      giveBack(child);
    }
  };

  return {
    convert: (request) => writer.ask({ op: 'convert', ...request }, 'part'),
    checkTransform: (transform) => writer.ask({ op: 'check_transform', transform }),
    describe: (input, transform) => writer.ask({ op: 'describe', input, transform }),
    fileSchema: (path, format) => writer.ask({ op: 'file_schema', path, format }),
    countRows: (path) => writer.ask({ op: 'count_rows', path }),
    select: (sql) => writer.ask({ op: 'select', sql }),
    copy: (request) => writer.ask({ op: 'copy', ...request }, 'part'),
    job: (job, request) => background.ask({ op: 'job', job, request }, 'part'),
    compact: (request) => background.ask({ op: 'job', job: 'compact', request }, 'part'),
    query: (query, limits) => askSql<QueryResult>({ op: 'query', ...query }, limits),
    export: (request, limits) => askSql<ExportResult>({ op: 'export', ...request }, limits),
    pids: () =>
      [writer.child, background.child, ...sqlChildren].flatMap((child) =>
        child?.alive && child.pid ? [child.pid] : [],
      ),
    async close() {
      await Promise.all([writer.child, background.child, ...sqlChildren].map((child) => child?.kill()));
      sqlChildren.clear();
    },
  };
}

/** A child that is asked one thing at a time, and replaced after so many parts. */
interface Lane {
  readonly child: EngineChild | undefined;
  ask<Result>(request: EngineRequest, makes?: 'part'): Promise<Result>;
}

function createLane(spawn: SpawnChild, recycleAfterParts: number, recycleAtBytes: number): Lane {
  let child: EngineChild | undefined;
  let parts = 0;
  let queue: Promise<unknown> = Promise.resolve();

  const current = (): EngineChild => {
    const isSpent = parts >= recycleAfterParts || (child?.memoryBytes ?? 0) >= recycleAtBytes;
    if (child && (!child.alive || isSpent)) {
      void child.kill();
      child = undefined;
    }
    if (!child) {
      child = new EngineChild(spawn, 'writer');
      parts = 0;
    }
    return child;
  };

  return {
    get child() {
      return child;
    },
    // One request at a time: a part needs the whole of the memory the child may take.
    ask<Result>(request: EngineRequest, makes?: 'part') {
      const turn = queue.then(() => {
        const taken = current();
        if (makes === 'part') parts++;
        return taken.request(request);
      });
      queue = turn.catch(() => {});
      return turn as Promise<Result>;
    },
  };
}
