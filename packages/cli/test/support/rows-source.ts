import type { Batch, Source } from '@hakiri/core';

export interface RowsSourceOptions {
  /** All rows of the table in the order in which they changed; the last of a key is its newest. */
  readonly rows: readonly Record<string, unknown>[];
  readonly batchRows: number;
  /** Whether a cursor comes with every batch or only with the last. */
  readonly readingOrder: 'ascending' | 'unordered';
  readonly primaryKey: readonly string[];
  readonly incremental?: string;
  /** Called before each batch; may throw. */
  readonly beforeBatch?: (index: number) => void;
}

/** A source over rows in memory. Its cursor is how many of them have been taken. */
export function rowsSource(options: RowsSourceOptions): Source {
  const { rows, batchRows, readingOrder, primaryKey, incremental } = options;
  return {
    async discover() {
      return [
        {
          name: 'rows',
          primaryKey,
          cursorKind: 'monotonic',
          readingOrder,
          ...(incremental === undefined ? {} : { incremental }),
        },
      ];
    },
    schema: async () => undefined,
    async *pull({ cursor }): AsyncGenerator<Batch> {
      for (let at = Number(cursor ?? 0); at < rows.length; at += batchRows) {
        options.beforeBatch?.(at / batchRows);
        const taken = rows.slice(at, at + batchRows);
        const last = at + batchRows >= rows.length;
        const after = String(Math.min(at + batchRows, rows.length));
        yield {
          kind: 'records',
          records: Buffer.from(taken.map((row) => `${JSON.stringify(row)}\n`).join('')),
          ...(last || readingOrder === 'ascending' ? { cursor: after } : {}),
          ...(last ? { complete: true } : {}),
        };
      }
    },
    commitCursor: async () => {},
    estimate: async () => ({}),
    close: async () => {},
  };
}
