import { HakiriError, type TableSchema } from '@hakiri/core';
import { EngineChild, type SpawnChild } from './process/child-process.ts';
import type { ConvertRequest, ConvertResult, QueryResult, SessionQuery } from './protocol.ts';

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
  /** One SELECT in a fresh, locked session; the child is killed when it passes its time. */
  query(
    query: SessionQuery,
    limits: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<QueryResult>;
  /** Process ids of the children alive now. */
  pids(): readonly number[];
  close(): Promise<void>;
}

export interface EngineOptions {
  readonly spawn: SpawnChild;
  /** Parts a writer child makes before it is replaced, so that its memory cannot creep up. */
  readonly recycleAfterParts?: number;
}

const RECYCLE_AFTER_PARTS = 64;

export function createEngine({ spawn, recycleAfterParts = RECYCLE_AFTER_PARTS }: EngineOptions): Engine {
  let writer: EngineChild | undefined;
  let parts = 0;
  let queue: Promise<unknown> = Promise.resolve();
  const sqlChildren = new Set<EngineChild>();
  let idleSql: EngineChild | undefined;

  const currentWriter = (): EngineChild => {
    if (writer && (!writer.alive || parts >= recycleAfterParts)) {
      void writer.kill();
      writer = undefined;
    }
    if (!writer) {
      writer = new EngineChild(spawn, 'writer');
      parts = 0;
    }
    return writer;
  };

  // One request at a time: a part needs the whole of the memory the child may take.
  const ask = <T>(send: (child: EngineChild) => Promise<unknown>): Promise<T> => {
    const turn = queue.then(() => send(currentWriter()));
    queue = turn.catch(() => {});
    return turn as Promise<T>;
  };

  const takeSqlChild = (): EngineChild => {
    const child = idleSql?.alive ? idleSql : new EngineChild(spawn, 'sql');
    idleSql = undefined;
    sqlChildren.add(child);
    return child;
  };

  const giveBack = (child: EngineChild): void => {
    if (!child.alive) sqlChildren.delete(child);
    else if (idleSql?.alive) {
      sqlChildren.delete(child);
      void child.kill();
    } else idleSql = child;
  };

  return {
    convert: (request) =>
      ask((child) => {
        parts++;
        return child.request({ op: 'convert', ...request });
      }),
    checkTransform: (transform) => ask((child) => child.request({ op: 'check_transform', transform })),
    describe: (input, transform) => ask((child) => child.request({ op: 'describe', input, transform })),
    fileSchema: (path, format) => ask((child) => child.request({ op: 'file_schema', path, format })),
    countRows: (path) => ask((child) => child.request({ op: 'count_rows', path })),
    async query(query, { timeoutMs, signal }) {
      signal?.throwIfAborted();
      const child = takeSqlChild();
      const overrun = setTimeout(
        () =>
          void child.kill(
            new HakiriError('query.timeout', `The query ran longer than ${timeoutMs / 1000} s`),
          ),
        timeoutMs,
      );
      const onAbort = () => void child.kill(new HakiriError('interrupted', 'The query was stopped'));
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        return (await child.request({ op: 'query', ...query })) as QueryResult;
      } finally {
        clearTimeout(overrun);
        signal?.removeEventListener('abort', onAbort);
        giveBack(child);
      }
    },
    pids: () => [writer, ...sqlChildren].flatMap((child) => (child?.alive && child.pid ? [child.pid] : [])),
    async close() {
      await Promise.all([writer, ...sqlChildren].map((child) => child?.kill()));
      sqlChildren.clear();
    },
  };
}
