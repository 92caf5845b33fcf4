import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { githubPages } from './support/github-rows.ts';
import { cpuSeconds, median } from './support/measure.ts';
import { type Bar, limitBar, ratioBar, type Scale } from './support/report.ts';

const BUNDLE = new URL('../dist/hakiri.mjs', import.meta.url).pathname;
const BUNDLER = new URL('../scripts/bundle.ts', import.meta.url).pathname;
const WAY_IN = new URL('./support/ingest-pages.ts', import.meta.url).pathname;
const ENGINE_ALONE = new URL('./support/engine-alone.ts', import.meta.url).pathname;
const MEMORY = new URL('./support/ingest-memory.ts', import.meta.url).pathname;

/**
 * Pages of NDJSON to committed Parquet: CPU of all our processes over that of the engine alone, and memory. The
 * last line is the same through the command line and its file source, which also hashes what it reads.
 */
export async function ingest(scale: Scale, dataFolder: string): Promise<readonly Bar[]> {
  const rows = scale === 'full' ? 2_000_000 : 400_000;
  const pages = githubPages(dataFolder, rows);
  const rounds = 3;
  const reference: number[] = [];
  const known: number[] = [];
  const detecting: number[] = [];
  const commandLine: number[] = [];
  const way = bundleOf(WAY_IN, join(dataFolder, 'ingest-pages.mjs'));
  const wayIn = (folder: string, mode: string) =>
    cpuSeconds(process.execPath, [way, pages, join(folder, '.hakiri'), BUNDLE, mode]);
  // In turn, so that a machine that slows down slows all three.
  for (let round = 0; round < rounds; round++) {
    reference.push(
      scratch((folder) => cpuSeconds(process.execPath, [ENGINE_ALONE, pages, join(folder, 'out.parquet')])),
    );
    known.push(scratch((folder) => wayIn(folder, 'declared')));
    detecting.push(scratch((folder) => wayIn(folder, 'detecting')));
    commandLine.push(scratch((folder) => runOnce(folder, pages)));
  }
  const memory = await measureMemory(githubPages(dataFolder, 200_000), scale === 'full' ? 50 : 6);
  const metric = (what: string) => `CPU s, ${rows} rows, ${what}`;
  return [
    ratioBar(
      'ingest',
      metric('columns declared, no detection of new keys'),
      median(known),
      median(reference),
      1.3,
    ),
    ratioBar(
      'ingest',
      metric('with detection of new keys (the default)'),
      median(detecting),
      median(reference),
      1.8,
    ),
    ratioBar(
      'ingest',
      metric('hakiri run over the files, with detection'),
      median(commandLine),
      median(reference),
      1.8,
    ),
    limitBar(
      'ingest',
      `MB added to the main process, 100k-row batches (whole tree at most ${Math.round(memory.treeMb)} MB)`,
      memory.addedMb,
      50,
    ),
    limitBar(
      'ingest',
      `MB the main process grew from the second to the last of ${memory.runs} runs`,
      memory.driftMb,
      8,
    ),
  ];
}

function scratch<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function bundleOf(entry: string, outfile: string): string {
  const { status, stderr } = spawnSync(process.execPath, [BUNDLER, '--entry', entry, '--outfile', outfile], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${entry} cannot be bundled\n${stderr}`);
  return outfile;
}

function runOnce(folder: string, pages: string): number {
  writeFileSync(join(folder, 'hakiri.toml'), ingestManifest(pages));
  return cpuSeconds(process.execPath, [BUNDLE, 'run', '--json'], { cwd: folder });
}

function ingestManifest(pages: string): string {
  return `[project]
name = "bench"
[[pipeline]]
id = "pages"
source = { connector = "file", config = { path = "${pages}/*.ndjson" } }
  [[pipeline.tables]]
  source = "issues"
  name = "issues"
  primary_key = ["id"]
  incremental = "updated_at"
`;
}

interface MemoryFigures {
  readonly runs: number;
  readonly addedMb: number;
  readonly driftMb: number;
  readonly treeMb: number;
}

async function measureMemory(pages: string, runs: number): Promise<MemoryFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'hakiri.toml'), ingestManifest(pages));
  const child = spawn(process.execPath, ['--expose-gc', MEMORY, folder, String(runs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let last = '';
  for await (const line of createInterface({ input: child.stdout })) last = line;
  rmSync(folder, { recursive: true, force: true });
  return JSON.parse(last) as MemoryFigures;
}
