import type { Batch, Clock, Source, SourceWarning } from '@hakiri/core';
import type { SourceContext, SourceEvent } from '../../src/toolkit/source-context.ts';

/** A clock whose sleeps take no time: they move it, and are written down. */
export interface TestClock extends Clock {
  readonly slept: number[];
  advance(ms: number): void;
}

export function testClock(startMs = Date.UTC(2026, 0, 1)): TestClock {
  let nowMs = startMs;
  const slept: number[] = [];
  return {
    slept,
    advance: (ms) => {
      nowMs += ms;
    },
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      nowMs += ms;
    },
  };
}

export interface TestContext extends SourceContext {
  readonly clock: TestClock;
  readonly events: SourceEvent[];
  readonly warnings: SourceWarning[];
}

export interface TestContextOptions extends Partial<Omit<SourceContext, 'clock' | 'secrets' | 'secret'>> {
  readonly secrets?: never;
  /** Values by name. */
  readonly secretValues?: Readonly<Record<string, string>>;
}

export function testContext(options: TestContextOptions = {}): TestContext {
  const { secretValues = {}, ...rest } = options;
  const events: SourceEvent[] = [];
  const warnings: SourceWarning[] = [];
  return {
    allowHosts: ['127.0.0.1'],
    incremental: undefined,
    lookbackMs: undefined,
    tables: [],
    maxRecordBytes: 16 * 1024 * 1024,
    projectFolder: '/',
    random: () => 0.5,
    log: (event) => events.push(event),
    warn: (warning) => warnings.push(warning),
    ...rest,
    clock: testClock(),
    secrets: Object.keys(secretValues),
    secret: (name) => secretValues[name]!,
    events,
    warnings,
  };
}

export interface Pulled {
  readonly rows: readonly Record<string, unknown>[];
  readonly batches: readonly Batch[];
  readonly cursor: string | undefined;
  readonly complete: boolean;
  readonly warnings: readonly SourceWarning[];
}

/** Pulls a table to its end. */
export async function pullAll(source: Source, table: string, cursor?: string): Promise<Pulled> {
  const batches: Batch[] = [];
  const error = await collect(source, table, cursor, batches);
  if (error !== undefined) throw error;
  return summary(batches, cursor);
}

/** Pulls a table until it fails: what came before, and the error. */
export async function pullUntilError(
  source: Source,
  table: string,
  cursor?: string,
): Promise<Pulled & { readonly error: unknown }> {
  const batches: Batch[] = [];
  const error = await collect(source, table, cursor, batches);
  return { ...summary(batches, cursor), error };
}

async function collect(
  source: Source,
  table: string,
  cursor: string | undefined,
  into: Batch[],
): Promise<unknown> {
  try {
    for await (const batch of source.pull({ table, cursor, signal: new AbortController().signal }))
      into.push(batch.kind === 'records' ? { ...batch, records: Buffer.from(batch.records) } : batch);
    return undefined;
  } catch (error) {
    return error;
  }
}

function summary(batches: readonly Batch[], cursor: string | undefined): Pulled {
  return {
    rows: batches.flatMap((batch) => (batch.kind === 'records' ? rowsOf(batch.records) : [])),
    batches,
    cursor: batches.findLast((batch) => batch.cursor !== undefined)?.cursor ?? cursor,
    complete: batches.at(-1)?.complete === true,
    warnings: batches.flatMap((batch) => batch.warnings ?? []),
  };
}

export function rowsOf(records: Uint8Array): Record<string, unknown>[] {
  return Buffer.from(records)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
