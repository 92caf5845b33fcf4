import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  type CatalogTable,
  EMPTY_SCHEMA,
  type Files,
  type JobId,
  type Lineage,
  type Manifest,
  type Pipeline,
  type PipelineId,
  type TableName,
  toHakiriError,
} from '@hakiri/core';
import { readManifest, tableNameOf } from '@hakiri/core/manifest';
import { createEngine, type Engine } from '@hakiri/engine';
import {
  type PreviewInput,
  planPipelines,
  type ResolvedTable,
  type RunReport,
  runPipelines,
  stepsFor,
} from '@hakiri/ingest';
import { createServe } from '@hakiri/retrieval';
import {
  collectStore,
  compactStore,
  type DoctorCheck,
  examineStore,
  forget,
  type LockHolder,
  nextSchema,
  nodeFiles,
  openStore,
  openWritableStore,
  rebuildCatalog,
  repairStore,
  type Store,
  type StoreOptions,
  tidyStore,
} from '@hakiri/store';
import { ulid } from 'ulid';
import { connectorOf, createSource } from './create-source.ts';
import { removeLeftovers } from './export-file.ts';
import { plural } from './format/units.ts';
import { rebuildChecks, repairChecks } from './mended.ts';
import type { ProjectContext } from './node-host.ts';
import { readNodeId } from './node-id.ts';
import type { Profile } from './profile.ts';
import { readManifestFiles } from './read-manifest.ts';
import { createSecretReader } from './secrets.ts';
import { spawnSelf } from './self.ts';
import type { MaintenanceRequest, Project, RunRequest } from './services.ts';
import { systemClock } from './system-clock.ts';
import { keepingOf, settingsOf } from './table-settings.ts';

/** Tables pulled side by side; more would only queue up at the engine. */
const MAX_PARALLEL = 4;

/** The one place where the packages are wired together: a folder's manifest, its store, its sources. */
export async function openProject(
  folder: string,
  { env, scrubber }: ProjectContext,
  _profile: Profile,
): Promise<Project> {
  const manifestFiles = await readManifestFiles(folder);
  const manifest = readManifest(manifestFiles);
  const manifestHash = createHash('sha256').update(JSON.stringify(manifestFiles)).digest('hex');
  const files: Files = nodeFiles;
  const clock = systemClock;
  const root = join(folder, '.hakiri');
  const engine = createEngine({
    spawn: (role) => spawnSelf('__engine', [role], { env: { UV_THREADPOOL_SIZE: '1' } }),
  });
  const readSecret = createSecretReader({ env, projectFolder: folder, scrubber });
  const sourceOf = (pipeline: Pipeline, onNote: (message: string) => void = () => {}) =>
    createSource(pipeline, { clock, projectFolder: folder, readSecret, onNote });
  // What the manifest leaves to a source is read from the store, before anything asks for settings.
  let stored: readonly CatalogTable[] = [];
  const storeOptions = async (): Promise<StoreOptions> => ({
    root,
    project: manifest.project.name,
    node: await readNodeId(files, clock, env, root),
    files,
    clock,
    engine,
    settings: (name) => {
      const table = stored.find((candidate) => candidate.name === name);
      return table && settingsOf(manifest, table);
    },
  });
  const lineage = (pipeline: Pipeline): Lineage => ({
    connector: pipeline.source.connector,
    connectorVersion: connectorOf(pipeline).version,
    author: 'hakiri',
    componentHash: null,
    manifestHash,
  });
  let reading: Promise<Store> | undefined;
  const readableStore = (): Promise<Store> => {
    reading ??= storeOptions().then(openStore);
    return reading;
  };

  const maintenance = async (command: string, { waitMs, onNote, kill }: MaintenanceRequest) => {
    stored = await (await readableStore()).tables();
    const lock = { command: `hakiri ${command}`, waitMs, signal: kill, onWait: tellHolder(onNote) };
    return [await storeOptions(), lock] as const;
  };

  /** After the store is given back: merging holds up no other run. */
  const tidy = async ({ onEvent, stop }: RunRequest): Promise<void> => {
    if (stop.aborted) return;
    const note = (message: string) => onEvent({ kind: 'note', message });
    const onTable = (name: string) => note(`compacting ${name}`);
    try {
      stored = await (await readableStore()).tables();
      const lock = { command: 'hakiri run', waitMs: 0 };
      for (const { table, runs, rows } of await tidyStore(await storeOptions(), lock, {
        onTable,
        signal: stop,
      })) {
        note(`${table}: merged ${plural(runs, 'run')} into a snapshot of ${plural(rows, 'row')}`);
      }
    } catch (error) {
      // What was pulled is committed: merging it waits for the next time.
      note(`compaction failed, the next run tries again: ${toHakiriError(error).message}`);
    }
  };

  return {
    folder,
    manifest,

    async run(request) {
      const { pipelines, waitMs, onEvent, stop, kill } = request;
      removeLeftovers(join(root, 'cache'));
      // What a source would refuse anyway is refused before there is a store.
      for (const pipeline of named(manifest, pipelines)) await sourceOf(pipeline).close();
      const store = await openWritableStore(await storeOptions(), {
        command: `hakiri run ${pipelines.join(' ')}`.trim(),
        waitMs,
        signal: kill,
        onWait: tellHolder((message) => onEvent({ kind: 'note', message })),
      });
      let report: RunReport;
      try {
        report = await runPipelines({
          job: ulid(clock.nowMs()) as JobId,
          manifest,
          pipelines: named(manifest, pipelines),
          destination: store,
          jobs: store.catalog,
          files,
          clock,
          spoolFolder: join(root, 'cache', 'spool', manifest.project.name),
          parallel: Math.min(MAX_PARALLEL, availableParallelism()),
          createSource: (pipeline) => sourceOf(pipeline, (message) => onEvent({ kind: 'note', message })),
          lineage,
          stop,
          kill,
          onEvent,
        });
      } finally {
        await store.close();
      }
      await tidy(request);
      return report;
    },

    async plan(pipelines) {
      const store = await readableStore().catch((error: unknown) => {
        if ((error as { code?: string }).code === 'store.not_found') return undefined;
        throw error;
      });
      return planPipelines({
        pipelines: named(manifest, pipelines),
        createSource: (pipeline) => sourceOf(pipeline),
        steps: (table) => stepsFor(manifest, table),
        async cursor(pipeline, table) {
          const known = await store?.catalog.cursor(pipeline.id, table.info.name);
          return { cursor: known?.cursor ?? undefined, inputSchema: known?.inputSchema ?? EMPTY_SCHEMA };
        },
        checkTransform: engine.checkTransform,
        preview: (pipeline, table, input) =>
          preview(engine, store, pipeline, table, input, lineage(pipeline)),
        signal: AbortSignal.any([]),
      });
    },

    async serve() {
      return createServe({
        store: await readableStore(),
        engine,
        notes: tableNotes(manifest),
        keeping: (table) => keepingOf(manifest, table),
      });
    },

    async compact(request) {
      const [options, lock] = await maintenance('compact', request);
      return compactStore(options, lock, request);
    },

    async collect(request) {
      const [options, lock] = await maintenance('gc', request);
      return collectStore(options, lock, request);
    },

    async forget(what, request) {
      const [options, lock] = await maintenance('forget', request);
      return forget(options, lock, what, (step) => {
        if (step.step === 'table') request.onTable(step.table);
        else if ('subject' in what) request.onNote('looking for other places that mention it');
      });
    },

    async doctor({ rebuildCatalog: rebuild, repair }) {
      const options = await storeOptions();
      const mended: DoctorCheck[] = [];
      if (rebuild) {
        const lock = { command: 'hakiri doctor --rebuild-catalog', waitMs: 0 };
        mended.push(...rebuildChecks(await rebuildCatalog(options, lock)));
      }
      if (repair) {
        stored = await (await readableStore()).tables();
        const lock = { command: 'hakiri doctor --repair', waitMs: 0 };
        mended.push(...repairChecks(await repairStore(options, lock)));
      }
      return { checks: [...mended, ...(await examineStore(options)).checks] };
    },

    async close() {
      await engine.close();
      await reading?.then((store) => store.close()).catch(() => {});
    },
  };
}

/** Says once for whom a command waits. */
function tellHolder(note: (message: string) => void): (holder: LockHolder | undefined) => void {
  return (holder) => {
    const who = holder === undefined ? 'another process' : `process ${holder.pid} (${holder.command})`;
    note(`waiting for ${who}, which writes to this store`);
  };
}

function named(manifest: Manifest, ids: readonly PipelineId[]): readonly Pipeline[] {
  return ids.length === 0 ? manifest.pipelines : manifest.pipelines.filter(({ id }) => ids.includes(id));
}

async function preview(
  engine: Engine,
  store: Store | undefined,
  pipeline: Pipeline,
  table: ResolvedTable,
  input: PreviewInput,
  lineage: Lineage,
): Promise<readonly string[]> {
  const incoming = input.kind === 'file' ? await engine.fileSchema(input.path, input.format) : input.schema;
  const output = input.transform === undefined ? incoming : await engine.describe(incoming, input.transform);
  const current = (await store?.catalog.table(table.name))?.schema ?? EMPTY_SCHEMA;
  const { name, mode, primaryKey, incremental, subjectColumns, onConflict, declared, info } = table;
  const { changes } = nextSchema(current, output, {
    job: '' as JobId,
    pipeline: pipeline.id,
    sourceTable: info.name,
    table: name,
    mode,
    primaryKey,
    incremental,
    subjectColumns,
    onConflict,
    declared,
    transform: input.transform,
    lineage,
  });
  return changes;
}

/** What the manifest says of its tables, by the name they have in the store. */
function tableNotes(manifest: Manifest) {
  const notes = new Map<TableName, { description: string | undefined; hints: ReadonlyMap<string, string> }>();
  for (const pipeline of manifest.pipelines) {
    for (const table of pipeline.tables ?? []) {
      const hints = table.columns.flatMap(({ name, agentHint }) =>
        agentHint === undefined ? [] : [[name, agentHint] as const],
      );
      notes.set(tableNameOf(pipeline, table), {
        description: table.agentDescription,
        hints: new Map(hints),
      });
    }
  }
  return notes;
}
