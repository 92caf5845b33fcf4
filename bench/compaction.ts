import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTypeName } from '@hakiri/core';
import type { CompactBasePart, CompactPart, CompactRequest, CompactResult } from '@hakiri/engine';
import { GITHUB_DECLARED, githubPages } from './support/github-rows.ts';
import { type JobChild, jobChild } from './support/job-child.ts';
import { cpuSeconds } from './support/measure.ts';
import { type Bar, limitBar, ratioBar, type Scale } from './support/report.ts';

const BUNDLER = new URL('../scripts/bundle.ts', import.meta.url).pathname;
const CHILD = new URL('./support/engine-child.ts', import.meta.url).pathname;
const PARTS = new URL('./support/compaction-parts.ts', import.meta.url).pathname;
const QUALIFY = new URL('./support/qualify.ts', import.meta.url).pathname;

const RUNS = 50;
const MEMORY_LIMIT_BYTES = 150_000_000;
const ROUNDS_OF_ONE_PARTITION = 20;

const SCHEMA = {
  columns: [
    ...Object.entries(GITHUB_DECLARED).map(([name, type]) => ({ name, type: parseTypeName(type) })),
    { name: 'repo', type: parseTypeName('string') },
  ],
};

/**
 * Run parts to a snapshot, against the one statement that says the same, with and without the engine's own
 * rewriting of it; and one changed partition of a hundred, against that partition alone.
 */
export async function compaction(scale: Scale, dataFolder: string): Promise<readonly Bar[]> {
  const rows = scale === 'full' ? 2_000_000 : 400_000;
  const runs = runParts(dataFolder, rows);
  const bundle = bundled(join(dataFolder, 'engine-child.mjs'));
  const scratch = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  try {
    return [
      ...(await merged(scratch, runs, rows, bundle)),
      ...(await onePartition(scratch, runs, rows, bundle)),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function merged(scratch: string, runs: string, rows: number, bundle: string): Promise<readonly Bar[]> {
  const child = jobChild(bundle);
  const ours = await child.ask<CompactResult>(
    'compact',
    request(join(scratch, 'merged'), partsIn(runs, rows)),
  );
  child.end();
  const reference = (plan: string) =>
    cpuSeconds(process.execPath, [
      QUALIFY,
      runs,
      join(scratch, 'reference.parquet'),
      '1GB',
      plan,
      join(scratch, 'spill'),
    ]);
  const metric = `CPU s, ${RUNS} runs, ${rows} rows, half superseded; reference QUALIFY with 1 GB`;
  return [
    ratioBar('compaction', `${metric}, as written`, ours.cpuSeconds, reference('as-written'), 0.5),
    ratioBar(
      'compaction',
      `${metric}, as the engine rewrites it`,
      ours.cpuSeconds,
      reference('rewritten'),
      0.5,
    ),
    limitBar('compaction', 'MB of the child at most', ours.peakMb, 256),
  ];
}

async function onePartition(
  scratch: string,
  runs: string,
  rows: number,
  bundle: string,
): Promise<readonly Bar[]> {
  const child = jobChild(bundle);
  const folder = join(scratch, 'partitioned');
  const partitioning = { kind: 'by', column: 'repo', minRows: 1, maxPartitions: 1000 } as const;
  const by = (primaryKey: readonly string[]) => ({ partitioning, primaryKey, rewriteAll: false });
  const first = await child.ask<CompactResult>('compact', {
    ...request(folder, partsIn(runs, rows)),
    ...by(['repo', 'id']),
    rewriteAll: true,
  });
  const base = first.result.partitions.flatMap(({ partition, parts, columns }) =>
    parts.map(
      ({ file, rows: count }): CompactBasePart => ({
        path: join(folder, file),
        columns: SCHEMA,
        rows: count,
        partition,
        keyBounds: Object.fromEntries(
          ['repo', 'id'].flatMap((key) => (columns[key] ? [[key, columns[key]]] : [])),
        ),
      }),
    ),
  );
  const own = base.filter(({ partition }) => partition === 'repo=repo-07');
  const newer = [await changedRows(child, scratch, own)];
  const cost = async (parts: readonly CompactBasePart[], primaryKey: readonly string[]): Promise<number> => {
    const asked = { ...request(join(scratch, 'one'), newer), ...by(primaryKey), base: parts };
    const before = (await child.ask('compact', asked)).cpuSeconds;
    let after = before;
    for (let round = 0; round < ROUNDS_OF_ONE_PARTITION; round++) {
      after = (await child.ask('compact', asked)).cpuSeconds;
    }
    return (after - before) / ROUNDS_OF_ONE_PARTITION;
  };
  const lines = [];
  for (const key of [['repo', 'id'], ['id']]) {
    const metric = `CPU s, 1 of ${first.result.partitions.length} partitions changed, key ${key.join(', ')}; reference that partition alone`;
    lines.push(ratioBar('compaction', metric, await cost(base, key), await cost(own, key), 1.1));
  }
  child.end();
  return lines;
}

/** A newer part with a tenth of a partition's rows: its rows once more. */
async function changedRows(
  child: JobChild,
  scratch: string,
  own: readonly CompactBasePart[],
): Promise<CompactPart> {
  const output = join(scratch, 'changed');
  const count = Math.ceil(own.reduce((sum, { rows }) => sum + rows, 0) / 10);
  const { result } = await child.ask<CompactResult>('compact', {
    ...request(output, own),
    primaryKey: ['repo', 'id'],
    targetPartRows: count,
  });
  const part = result.partitions[0]?.parts[0];
  if (!part) throw new Error('The partition has no rows');
  return { path: join(output, part.file), columns: SCHEMA, rows: part.rows };
}

function request(output: string, newer: readonly CompactPart[]): CompactRequest {
  return {
    base: [],
    newer,
    schema: SCHEMA,
    primaryKey: ['id'],
    dropTombstonesBefore: undefined,
    partitioning: null,
    rewriteAll: true,
    output,
    targetPartRows: 1_000_000,
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
  };
}

const partsIn = (folder: string, rows: number): readonly CompactPart[] =>
  readdirSync(folder)
    .sort()
    .map((name) => ({ path: join(folder, name), columns: SCHEMA, rows: rows / RUNS }));

/** Writes the parts once, and says where they are. */
function runParts(dataFolder: string, rows: number): string {
  const folder = join(dataFolder, `compaction-${rows}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.making`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true });
  const pages = githubPages(dataFolder, rows);
  succeed(process.execPath, [PARTS, pages, making, String(rows), String(RUNS)]);
  renameSync(making, folder);
  return folder;
}

function bundled(outfile: string): string {
  succeed(process.execPath, [BUNDLER, '--entry', CHILD, '--outfile', outfile]);
  return outfile;
}

function succeed(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} failed\n${stderr}`);
}
