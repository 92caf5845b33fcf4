import type { Clock, Serve } from '@hakiri/core';
import type { Tracer } from '../trace/tracer.ts';
import type { Meter } from './meter.ts';

/** The same, counted and traced. */
export function observedServe(
  serve: Serve,
  { clock, meter, tracer }: { readonly clock: Clock; readonly meter: Meter; readonly tracer: Tracer },
): Serve {
  const observed = <T>(kind: string, work: () => Promise<T>, rowsOf?: (answer: T) => number): Promise<T> =>
    tracer.span(`query ${kind}`, {}, async (span) => {
      const startedMs = clock.monotonicMs();
      let outcome: 'done' | 'failed' = 'failed';
      try {
        const answer = await work();
        outcome = 'done';
        if (rowsOf !== undefined) span.set({ rows: rowsOf(answer) });
        return answer;
      } finally {
        meter.query(kind, outcome, clock.monotonicMs() - startedMs);
      }
    });
  return {
    query: (request, grant) =>
      observed(
        'sql' in request ? 'sql' : 'structured',
        () => serve.query(request, grant),
        ({ rows }) => rows.length,
      ),
    tables: (grant) => observed('tables', () => serve.tables(grant)),
    describe: (table, grant) => observed('describe', () => serve.describe(table, grant)),
    get: (request, grant) => observed('get', () => serve.get(request, grant)),
    export: (request, grant) => observed('export', () => serve.export(request, grant)),
    close: () => serve.close(),
  };
}
