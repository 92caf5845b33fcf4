import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { median } from './support/measure.ts';
import { type MemoryStore, openMemoryStore } from './support/memory-store.ts';
import { type Bar, limitBar, ratioBar, type Scale } from './support/report.ts';

const IN_FLIGHT = 32;

/**
 * Single-row writes, each durable by itself, and what reading them costs before they are folded: over the same
 * rows after, alone and on top of a run.
 */
export async function smallWrites(scale: Scale): Promise<readonly Bar[]> {
  const writes = scale === 'full' ? 10_000 : 2_000;
  const below = scale === 'full' ? 200_000 : 40_000;
  const alone = await measure(writes, undefined);
  const onRun = await measure(writes, { rows: below, as: 'run' });
  const onSnapshot = await measure(writes, { rows: below, as: 'snapshot' });
  const flushMs = await oneFlushMs();
  return [
    limitBar(
      'small-writes',
      `ms a write, ${writes} single-row writes, ${IN_FLIGHT} in flight (one flush of this disk alone is the reference)`,
      alone.msAWrite,
      1,
      flushMs,
    ),
    limitBar(
      'small-writes',
      `ms a write, the same while the file is folded every ${writes / 5} rows`,
      (await measure(writes, undefined, writes / 5)).msAWrite,
      1,
      flushMs,
    ),
    ratioBar(
      'small-writes',
      `ms, aggregate over the view of ${writes} rows, not folded over folded`,
      alone.beforeMs,
      alone.afterMs,
      2,
    ),
    ratioBar(
      'small-writes',
      `ms, the same on top of a run of ${below} rows`,
      onRun.beforeMs,
      onRun.afterMs,
      2,
    ),
    ratioBar(
      'small-writes',
      `ms, the same on top of a snapshot of ${below} rows`,
      onSnapshot.beforeMs,
      onSnapshot.afterMs,
      2,
    ),
  ];
}

interface Figures {
  readonly msAWrite: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

interface Below {
  readonly rows: number;
  readonly as: 'run' | 'snapshot';
}

async function measure(
  writes: number,
  below: Below | undefined,
  foldAtRows = Number.POSITIVE_INFINITY,
): Promise<Figures> {
  const first = below?.rows ?? 0;
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const store = await openMemoryStore(join(root, '.hakiri'), foldAtRows);
  try {
    if (below) await store.commitRun(first);
    if (below?.as === 'snapshot') await store.compact();
    const started = performance.now();
    await writeAll(store, first, writes);
    const msAWrite = (performance.now() - started) / writes;
    const beforeMs = await aggregateMs(store, first + writes);
    await store.writer.fold();
    const afterMs = await aggregateMs(store, first + writes);
    return { msAWrite, beforeMs, afterMs };
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

async function writeAll({ writer, memory }: MemoryStore, first: number, writes: number): Promise<void> {
  let next = first;
  const worker = async (): Promise<void> => {
    while (next < first + writes) await writer.write([{ values: memory(next++) }]);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

/** As any reader runs it: the view's own text, in an engine that is warm. The best of many, as others use the machine. */
async function aggregateMs({ context }: MemoryStore, rows: number): Promise<number> {
  const here = process.cwd();
  process.chdir(context);
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  try {
    await connection.run(readFileSync('views/memories.sql', 'utf8'));
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 25; round++) {
      const started = performance.now();
      const reader = await connection.runAndReadAll(
        'SELECT count(*), count(DISTINCT subject), max(length(text)), max(created) FROM memories',
      );
      best = Math.min(best, performance.now() - started);
      if (Number(reader.getRows()[0]?.[0]) !== rows) throw new Error('rows are missing');
    }
    return best;
  } finally {
    connection.closeSync();
    instance.closeSync();
    process.chdir(here);
  }
}

/** What the disk itself takes for a line that is there for good. */
async function oneFlushMs(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const path = join(folder, 'flush');
  writeFileSync(path, '');
  const file = await open(path, 'a');
  const line = Buffer.alloc(500, 'x');
  const times: number[] = [];
  for (let i = 0; i < 300; i++) {
    const started = performance.now();
    await file.write(line);
    await file.datasync();
    times.push(performance.now() - started);
  }
  await file.close();
  rmSync(folder, { recursive: true, force: true });
  return median(times);
}
