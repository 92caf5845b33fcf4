import type { Readable, Writable } from 'node:stream';
import type { SeenTable } from '@hakiri/access';
import type { CatalogTable, Grant, Job, Manifest, NodeId, PipelineId, Serve, TableName } from '@hakiri/core';
import type { RunEvent, RunReport, TablePlan } from '@hakiri/ingest';
import type { IndexProgress, IndexState } from '@hakiri/retrieval/indexes';
import type { RunSummary } from '@hakiri/server';
import type {
  Collected,
  Compacted,
  DoctorReport,
  ForgetReport,
  ForgetRequest,
  LockOptions,
  WritableStore,
} from '@hakiri/store';
import type { Staying } from './node-host.ts';
import type { Environment, Output } from './output.ts';
import type { ProjectAudit } from './project-audit.ts';
import type { Scrubber } from './scrub.ts';

/** What commands may use of the world outside. */
export interface Services {
  readonly cwd: string;
  readonly env: Environment;
  readonly scrubber: Scrubber;
  /** Reads the manifest of a folder; the store is opened by the first call that needs it. */
  openProject(folder: string, staying?: Staying): Promise<Project>;
  readStdin(): Promise<string>;
  /** Asks on the terminal; undefined where there is none. */
  confirm(question: string): Promise<boolean | undefined>;
  /** Called at each SIGINT or SIGTERM until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
  /** Writes to standard output what is no text, and resolves when there is room for more. */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /** Standard input and output, for a protocol that is spoken over them. */
  stdio(): { readonly stdin: Readable; readonly stdout: Writable };
  /** Ends the process now, whatever is still going on. */
  exitNow(code: number): void;
}

/** A folder with a manifest. */
export interface Project {
  readonly folder: string;
  /** The one in force. */
  readonly manifest: Manifest;
  /**
   * Reads the manifest anew: from now on that one is in force. Gives the one before.
   * @throws HakiriError manifest.*: then nothing has changed
   */
  reload(): Promise<Manifest>;
  /** The store, open for writing for as long as `work` takes. @throws HakiriError store.locked */
  write<T>(lock: WriteLock, work: (store: WritableStore) => Promise<T>): Promise<T>;
  /** Makes runs of small writes where it is time to; whether there was anything. */
  foldSmallWrites(): Promise<boolean>;
  /** Merges where it pays, and collects. What goes wrong is told in a note: the next time will do. */
  tidy(stop: AbortSignal, onNote: (message: string) => void): Promise<void>;
  /** How the indexes stand. @throws HakiriError index.not_built in a build without search */
  indexes(): Promise<readonly IndexState[]>;
  /** Makes indexes anew; what serves now does until then. */
  rebuildIndexes(request: IndexRebuild): Promise<void>;
  /** Makes what indexes lack; cheap where they lack nothing. */
  catchUpIndexes(stop: AbortSignal): Promise<void>;
  jobs(): Promise<readonly Job[]>;
  findRun(run: string): Promise<RunSummary | undefined>;
  storedTables(): Promise<readonly CatalogTable[]>;
  nodeId(): Promise<NodeId>;
  /** Who asked for what. */
  readonly audit: ProjectAudit;
  /** Process ids of the engine's children. */
  childPids(): readonly number[];
  /** Failures of single tables are in the report; what stops the whole run is thrown. */
  run(request: RunRequest): Promise<RunReport>;
  plan(pipelines: readonly PipelineId[]): Promise<readonly TablePlan[]>;
  serve(): Promise<Serve>;
  /** What a grant sees of a table; undefined where to that grant there is no such table. */
  seen(table: CatalogTable, grant: Grant): Promise<SeenTable | undefined>;
  doctor(options: { readonly rebuildCatalog: boolean; readonly repair: boolean }): Promise<DoctorReport>;
  /** Merges runs into snapshots; tables that had nothing to merge are not in the answer. */
  compact(request: MaintenanceRequest): Promise<readonly Compacted[]>;
  /** Removes what nothing within the retention needs. */
  collect(request: MaintenanceRequest): Promise<readonly Collected[]>;
  /** Removes rows for good, and proves it. */
  forget(what: ForgetRequest, request: MaintenanceRequest): Promise<ForgetReport>;
  /** What a text became where columns are hashed or tokenized. */
  pseudonymsOf(text: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export type WriteLock = Pick<LockOptions, 'waitMs' | 'signal' | 'onWait'>;

export interface RunRequest {
  readonly pipelines: readonly PipelineId[];
  /** How long to wait for another process that writes to the store. */
  readonly waitMs: number;
  onEvent(event: RunEvent): void;
  /** Soft: end at the next commit. */
  readonly stop: AbortSignal;
  /** Hard: end now. */
  readonly kill: AbortSignal;
}

export interface MaintenanceRequest {
  readonly tables: readonly TableName[];
  /** How long to wait for another process that compacts, collects or erases. */
  readonly waitMs: number;
  onTable(table: TableName): void;
  onNote(message: string): void;
  readonly kill: AbortSignal;
}

export interface IndexRebuild extends MaintenanceRequest {
  /** Of each table those of this name; all when undefined. */
  readonly index?: string | undefined;
  /** Its indexes are built beside those that serve; then it is published, and is in force. */
  readonly becoming?: { readonly manifest: Manifest; publish(): Promise<void> } | undefined;
  onProgress(progress: IndexProgress): void;
}

/** What a command is called with, beside its flags and arguments. */
export interface Call {
  readonly services: Services;
  readonly output: Output;
}
