import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import {
  type Answer,
  HakiriError,
  type Manifest,
  NO_AUDIT,
  type Pipeline,
  parsePipelineId,
  type QueryRequest,
  type Serve,
  type TableDescription,
} from '@hakiri/core';
import { FULL_PROFILE } from '../../src/full/full-profile.ts';
import { main } from '../../src/main.ts';
import type { Host, ProjectContext } from '../../src/node-host.ts';
import type { Sink } from '../../src/output.ts';
import type { Project } from '../../src/services.ts';
import { assertNoSecret, secretForms } from './canary.ts';

/** An empty folder that is gone after the test. */
export function emptyFolder(t: TestContext, name = 'project'): string {
  const parent = mkdtempSync(join(tmpdir(), 'hakiri-cli-'));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, name);
  mkdirSync(folder);
  return folder;
}

/** A folder with a manifest file; what it says does not matter to the in-memory project. */
export function projectFolder(t: TestContext): string {
  const folder = emptyFolder(t);
  writeFileSync(join(folder, 'hakiri.toml'), '[project]\nname = "demo"\n');
  return folder;
}

export interface World {
  readonly cwd: string;
  readonly project?: Partial<Project>;
  /** Called with what the project is opened with. */
  readonly onOpen?: (context: ProjectContext) => void;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** What is answered on a terminal; off one, nobody is asked. */
  readonly confirms?: boolean;
  /** Set to have both outputs be terminals of this many columns. */
  readonly columns?: number;
  /** Gets a function that interrupts as Ctrl-C would. */
  readonly onReady?: (interrupt: () => void) => void;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What `exitNow` was called with. */
  readonly exitedWith: number | undefined;
}

/** One command line in this process, over an in-memory project. */
export async function hakiri(world: World, ...argv: readonly string[]): Promise<Outcome> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  let exitedWith: number | undefined;
  const host: Host = {
    profile: FULL_PROFILE,
    cwd: world.cwd,
    env: world.env ?? {},
    stdout: sink(stdout, world.columns),
    stderr: sink(stderr, world.columns),
    readStdin: async () => world.stdin ?? '',
    confirm: async () => world.confirms,
    writeBytes: async (bytes) => {
      stdout.push(Buffer.from(bytes).toString());
    },
    onInterrupt: (listener) => {
      world.onReady?.(listener);
      return () => {};
    },
    stdio: () => ({ stdin: Readable.from([]), stdout: new PassThrough() }),
    exitNow: (code) => {
      exitedWith ??= code;
    },
    openProject: async (folder, context) => {
      world.onOpen?.(context);
      return inMemoryProject(folder, world.project ?? {});
    },
  };
  const code = await main(argv, host);
  const said = { stdout: stdout.join(''), stderr: stderr.join('') };
  assertNoSecret(
    said.stdout + said.stderr,
    secretForms(world.env ?? {}),
    `what \`hakiri ${argv.join(' ')}\` said`,
  );
  return { code, ...said, exitedWith };
}

function sink(lines: string[], columns: number | undefined): Sink {
  const write = (text: string): void => {
    lines.push(text);
  };
  return columns === undefined ? { write } : { write, isTTY: true, columns, rows: 24 };
}

function inMemoryProject(folder: string, parts: Partial<Project>): Project {
  const notGiven = (): never => {
    throw new Error('the test gave the project no such part');
  };
  return {
    folder,
    manifest: manifest(),
    reload: notGiven,
    seen: notGiven,
    write: notGiven,
    foldSmallWrites: notGiven,
    tidy: notGiven,
    indexes: notGiven,
    rebuildIndexes: notGiven,
    catchUpIndexes: notGiven,
    jobs: notGiven,
    findRun: notGiven,
    storedTables: notGiven,
    nodeId: notGiven,
    audit: {
      log: { ...NO_AUDIT, checkpoint: async () => {} },
      folder: join(folder, '.hakiri', 'audit'),
      indexFile: join(folder, '.hakiri', 'cache', 'audit', 'index.sqlite'),
      keys: async () => undefined,
    },
    childPids: () => [],
    run: notGiven,
    plan: notGiven,
    serve: notGiven,
    doctor: notGiven,
    compact: notGiven,
    collect: notGiven,
    forget: notGiven,
    pseudonymsOf: notGiven,
    close: async () => {},
    ...parts,
  };
}

export function manifest(...ids: readonly string[]): Manifest {
  return {
    project: { name: 'demo', publicKeys: [] },
    pipelines: ids.map(pipeline),
    transforms: [],
    embeddings: [],
    policies: [],
    policyTests: [],
  };
}

function pipeline(id: string): Pipeline {
  return {
    id: parsePipelineId(id),
    source: { connector: 'github', config: { repo: 'duckdb/duckdb' } },
    secrets: ['GITHUB_TOKEN'],
    allowHosts: [],
    incremental: 'updated_at',
    lookbackMs: 600_000,
    retentionMs: undefined,
    tombstoneRetentionMs: undefined,
    schedule: undefined,
    inferenceZones: undefined,
    tables: undefined,
  };
}

/** A `serve` with these tables which gives one answer, and keeps the requests it got. */
export function serveWith(
  options: { readonly answer?: Answer; readonly tables?: readonly TableDescription[] },
  requests: QueryRequest[] = [],
): Pick<Project, 'serve'> {
  const tables = options.tables ?? [];
  const tableOf = (name: string): TableDescription => {
    const table = tables.find((candidate) => candidate.name === name);
    if (table) return table;
    throw new HakiriError('query.unknown_table', `There is no table "${name}"`);
  };
  const serve: Serve = {
    query: async (request) => {
      if ('table' in request) tableOf(request.table);
      requests.push(request);
      return options.answer ?? answer([], []);
    },
    tables: async () => tables,
    describe: async (name) => tableOf(name),
    get: async ({ keys }) => keys.map(() => undefined),
    export: async () => ({ rows: 0, files: 1, bytes: 0 }),
    close: async () => {},
  };
  return { serve: async () => serve };
}

/** Columns as `name type`. */
export function answer(
  columns: readonly string[],
  rows: Answer['rows'],
  parts: Partial<Answer> = {},
): Answer {
  return {
    columns: columns.map((column) => {
      const [name = '', type = 'VARCHAR'] = column.split(' ');
      return { name, type };
    }),
    rows,
    truncated: false,
    elapsedMs: 12,
    ...parts,
  };
}

export function table(name: string, parts: Partial<TableDescription> = {}): TableDescription {
  return {
    name,
    description: 'Issues of the tracked repositories.',
    storedRows: 1234,
    parts: 2,
    bytes: 1_400_000,
    lastCommit: '2026-11-21T10:00:00Z',
    rows: 1200,
    mode: 'merge',
    primaryKey: ['id'],
    incremental: 'updated_at',
    subjectColumns: [],
    columns: [
      { name: 'id', type: 'int64', key: true, hint: undefined },
      { name: 'title', type: 'string', key: false, hint: 'One line.' },
    ],
    pipelines: ['github-issues'],
    schemaHistory: [{ fingerprint: 'f1', since: '2026-11-20', changes: ['title added'] }],
    quarantined: 3,
    snapshot: undefined,
    runsBeside: 2,
    smallWrites: 0,
    past: { runs: 2, snapshots: 0 },
    retentionMs: 7 * 86_400_000,
    tombstoneRetentionMs: 30 * 86_400_000,
    indexes: [],
    examples: [],
    partitions: [],
    ageMs: 60_000,
    ...parts,
  };
}
