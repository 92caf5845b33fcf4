import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createTableRedactor, hashText, openPseudonyms, pseudonymsOf, tokenizeText } from '@hakiri/access';
import {
  type CatalogTable,
  EMPTY_SCHEMA,
  type Files,
  HakiriError,
  isHakiriError,
  type JobId,
  type Lineage,
  type Manifest,
  type Pipeline,
  type PipelineId,
  type Serve,
  toHakiriError,
} from '@hakiri/core';
import { createEngine } from '@hakiri/engine';
import { type OpenRedactor, planPipelines, runPipelines, stepsFor } from '@hakiri/ingest';
import { createServe } from '@hakiri/retrieval';
import {
  collectStore,
  compactStore,
  type DoctorCheck,
  deltasDue,
  examineStore,
  forget,
  type LockHolder,
  layout,
  nodeFiles,
  openMaintenance,
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
import { findRun } from './find-run.ts';
import { plural } from './format/units.ts';
import { checksOfIndexes, rebuildChecks, repairChecks } from './mended.ts';
import type { ProjectContext } from './node-host.ts';
import { readNodeId } from './node-id.ts';
import { catalogFile, once, reopened } from './opening.ts';
import { previewSchema } from './preview-schema.ts';
import type { Profile } from './profile.ts';
import { projectAudit } from './project-audit.ts';
import { readManifestInForce } from './read-manifest.ts';
import type { SearchParts } from './search-parts.ts';
import { createSecretReader } from './secrets.ts';
import { seenBy } from './seen-by.ts';
import { spawnSelf } from './self.ts';
import type { MaintenanceRequest, Project } from './services.ts';
import { createSharedWriter } from './shared-writer.ts';
import { systemClock } from './system-clock.ts';
import { tableNotes } from './table-notes.ts';
import { keepingOf, settingsOf } from './table-settings.ts';
import { createTurns } from './turns.ts';

/** Tables pulled side by side; more would only queue up at the engine. */
const MAX_PARALLEL = 4;

const MAKE_STORE_WAIT_MS = 60_000;

/** Without the key nothing can be recorded, and so nothing answered. */
function unaudited(cause: unknown): never {
  if (!isHakiriError(cause) || !cause.code.startsWith('store.')) throw cause;
  throw new HakiriError('audit.unavailable', `The project's pseudonym key cannot be made: ${cause.message}`, {
    cause,
  });
}

/** The one place where the packages are wired together: a folder's manifest, its store, its sources. */
export async function openProject(
  folder: string,
  { env, scrubber, note, staying }: ProjectContext,
  profile: Profile,
): Promise<Project> {
  let { manifest, manifestHash } = await readManifestInForce(folder);
  const files: Files = nodeFiles;
  const clock = systemClock;
  const root = join(folder, '.hakiri');
  const paths = layout(root, manifest.project.name);
  const command = staying?.command;
  const engine = createEngine({
    spawn: (role) => spawnSelf('__engine', [role], { env: { UV_THREADPOOL_SIZE: '1' } }),
    idleMs: staying?.keepChildrenMs,
    spareSqlChild: staying !== undefined,
  });
  const readSecret = createSecretReader({ env, projectFolder: folder, scrubber });
  /** What is told of indexes goes to whoever writes just now, and else to whoever keeps the project open. */
  const listeners = new Set<(message: string) => void>();
  const search = once(async () =>
    profile.openSearch?.({
      folder,
      paths,
      files,
      clock,
      engine,
      manifest: () => manifest,
      tables: async () => (await readableStore()).tables(),
      readSecret,
      onEvent({ table, index, error }) {
        const what = index === undefined ? 'indexes' : `index ${index}`;
        const message = `${table}: ${what} behind: ${error.message}`;
        for (const tell of listeners.size > 0 ? listeners : [staying?.onNote]) tell?.(message);
      },
    }),
  );
  const sourceOf = (
    pipeline: Pipeline,
    onNote: (message: string) => void = () => {},
    digestKey: Uint8Array | undefined = undefined,
  ) => createSource(pipeline, { clock, projectFolder: folder, readSecret, onNote, digestKey });
  // What the manifest leaves to a source is read from the store, before anything asks for settings.
  let stored: readonly CatalogTable[] = [];
  const readOptions = async (): Promise<StoreOptions> => ({
    root,
    project: manifest.project.name,
    node: await readNodeId(files, clock, env, root),
    files,
    clock,
    engine,
    onUpgrade: ({ from, to, backup }) =>
      (staying?.onNote ?? note)?.(
        `the store was upgraded from format ${from} to ${to}; what was changed is kept in ${backup}`,
      ),
    settings: (name) => {
      const table = stored.find((candidate) => candidate.name === name);
      return table && settingsOf(manifest, table);
    },
  });
  /** To write with: what is committed is searchable, and what is erased leaves the indexes, too. */
  const storeOptions = async (): Promise<StoreOptions> => {
    const indexes = (await search())?.indexes;
    return {
      ...(await readOptions()),
      sidecars: indexes?.sidecars,
      erasureTargets: indexes?.erasureTargets(async () => (await readableStore()).tables()),
    };
  };
  const audit = projectAudit(root, {
    files,
    clock,
    nodeId: () => readNodeId(files, clock, env, root),
    onRecorded: staying?.onRecorded,
  });
  const pseudonyms = once(() => openPseudonyms(files, join(root, 'keys')));
  const openRedactor: OpenRedactor = async (spec, declared) =>
    createTableRedactor(spec, declared, await pseudonyms());
  /** A plan writes nothing, no key either: what it looks at is not kept. */
  const openPassingRedactor: OpenRedactor = async (spec, declared) =>
    createTableRedactor(spec, declared, pseudonymsOf(randomBytes(32)));
  const lineage = (pipeline: Pipeline): Lineage => ({
    connector: pipeline.source.connector,
    connectorVersion: connectorOf(pipeline).version,
    author: 'hakiri',
    componentHash: null,
    manifestHash,
  });
  const openReadable = async (): Promise<Store> => {
    const options = await readOptions();
    return openStore(options).catch(async (error: unknown) => {
      const isNew = isHakiriError(error) && error.code === 'store.not_found';
      if (!isNew || staying === undefined) throw error;
      // Whoever stays is asked before anything was ever pulled, and has an answer: there is nothing yet.
      await writer.use({ command: staying.command, waitMs: MAKE_STORE_WAIT_MS }, async () => {});
      return openStore(options);
    });
  };
  const readableStore = reopened(openReadable, () => catalogFile(paths.catalog));
  const inTurn = createTurns();
  const spools = join(root, 'cache', 'spool', manifest.project.name);
  const writer = createSharedWriter({
    clock,
    idleMs: staying?.keepWriterMs ?? 0,
    async open(lock) {
      const store = await openWritableStore(await storeOptions(), lock);
      // A run that died may have left its spools; the store has one writer, so nobody else is filling them.
      await files.removeTree(spools);
      return store;
    },
  });
  let serving:
    | { readonly hash: string; readonly store: Promise<Store>; readonly serve: Promise<Serve> }
    | undefined;

  const maintenance = async (command: string, { waitMs, onNote, kill }: MaintenanceRequest) => {
    await writer.close();
    stored = await (await readableStore()).tables();
    const lock = { command: `hakiri ${command}`, waitMs, signal: kill, onWait: tellHolder(onNote) };
    return [await storeOptions(), lock] as const;
  };

  const requireSearch = async (): Promise<SearchParts> => {
    const found = await search();
    if (found !== undefined) return found;
    throw new HakiriError('index.not_built', 'This build has no search');
  };

  /** None where there is no store, or nothing to search with. */
  const indexChecks = async (): Promise<readonly DoctorCheck[]> => {
    const tables = await readableStore()
      .then((store) => store.tables())
      .catch(() => []);
    const found = tables.length === 0 ? undefined : await search();
    return found === undefined ? [] : checksOfIndexes(await found.indexes.check(tables));
  };

  /** Makes what indexes lack, where there is something to search with and nobody else works on the store. */
  const catchUp = async (signal: AbortSignal): Promise<void> => {
    const found = await search();
    if (found === undefined) return;
    const lock = { command: command ?? 'hakiri', waitMs: 0 };
    try {
      await openMaintenance(await storeOptions(), lock, async ({ catalog }) =>
        found.indexes.catchUp(await catalog.tables(), { signal }),
      );
    } catch (error) {
      if (!isHakiriError(error) || error.code !== 'store.compacting') throw error;
    }
  };

  /** After the store is given back: merging holds up no other run. */
  const tidy = async (stop: AbortSignal, note: (message: string) => void): Promise<void> => {
    if (stop.aborted) return;
    const onTable = (name: string) => note(`compacting ${name}`);
    try {
      stored = await (await readableStore()).tables();
      const lock = { command: command ?? 'hakiri run', waitMs: 0 };
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
    try {
      if (!stop.aborted) await catchUp(stop);
    } catch (error) {
      note(`indexes were not brought up to date, the next run tries again: ${toHakiriError(error).message}`);
    }
  };

  return {
    folder,
    get manifest() {
      return manifest;
    },

    async reload() {
      const read = await readManifestInForce(folder);
      if (read.manifest.project.name !== manifest.project.name) {
        throw new HakiriError('manifest.wrong_type', 'The name of a project cannot change while it is open', {
          hint: `Write "${manifest.project.name}" again, or start anew.`,
        });
      }
      const before = manifest;
      ({ manifest, manifestHash } = read);
      return before;
    },

    async run(request) {
      const { pipelines, waitMs, onEvent, stop, kill } = request;
      removeLeftovers(join(root, 'cache'));
      // What a source would refuse anyway is refused before there is a store.
      for (const pipeline of named(manifest, pipelines)) await sourceOf(pipeline).close();
      const wanted = named(manifest, pipelines);
      const lock = {
        command: command ?? `hakiri run ${pipelines.join(' ')}`.trim(),
        waitMs,
        signal: AbortSignal.any([stop, kill]),
        onWait: tellHolder((message) => onEvent({ kind: 'note', message })),
      };
      const digestKey = isRedacted(manifest) ? (await pseudonyms()).subkey('cursor') : undefined;
      const job = ulid(clock.nowMs()) as JobId;
      const spoolFolder = join(spools, job);
      const tell = (message: string) => onEvent({ kind: 'note', message });
      listeners.add(tell);
      const report = await writer
        .use(lock, (store) =>
          runPipelines({
            job,
            manifest,
            pipelines: wanted,
            destination: store,
            jobs: store.catalog,
            files,
            clock,
            spoolFolder,
            parallel: Math.min(MAX_PARALLEL, availableParallelism()),
            inTurn,
            createSource: (pipeline) =>
              sourceOf(pipeline, (message) => onEvent({ kind: 'note', message }), digestKey),
            lineage,
            openRedactor,
            stop,
            kill,
            onEvent,
          }).finally(() => files.removeTree(spoolFolder)),
        )
        .finally(() => listeners.delete(tell));
      await tidy(stop, (message) => onEvent({ kind: 'note', message }));
      return report;
    },

    async plan(pipelines) {
      const store = await readableStore().catch((error: unknown) => {
        if ((error as { code?: string }).code === 'store.not_found') return undefined;
        throw error;
      });
      return planPipelines({
        manifest,
        openRedactor: openPassingRedactor,
        pipelines: named(manifest, pipelines),
        createSource: (pipeline) => sourceOf(pipeline),
        steps: (table) => stepsFor(manifest, table),
        async cursor(pipeline, table) {
          const known = await store?.catalog.cursor(pipeline.id, table.info.name);
          return { cursor: known?.cursor ?? undefined, inputSchema: known?.inputSchema ?? EMPTY_SCHEMA };
        },
        checkTransform: engine.checkTransform,
        preview: (pipeline, table, input) =>
          previewSchema(engine, store, pipeline, table, input, lineage(pipeline)),
        signal: AbortSignal.any([]),
      });
    },

    serve() {
      const store = readableStore();
      if (serving?.hash === manifestHash && serving.store === store) return serving.serve;
      const inForce = manifest;
      const serve = Promise.all([store, search(), store.then(() => pseudonyms().catch(unaudited))]).then(
        ([open, found, key]) =>
          createServe({
            store: open,
            engine,
            policies: seenBy(inForce, key),
            pseudonyms: key,
            audit: audit.log,
            notes: tableNotes(inForce),
            keeping: (table) => keepingOf(inForce, table),
            ...(found === undefined ? {} : { search: found.serving }),
          }),
      );
      serve.catch(() => {
        serving = undefined;
      });
      serving = { hash: manifestHash, store, serve };
      return serve;
    },

    seen: async (table, grant) => seenBy(manifest, await pseudonyms())(table, grant),

    write: (lock, work) => writer.use({ command: command ?? 'hakiri', ...lock }, work),

    async foldSmallWrites() {
      const store = await readableStore();
      const node = await readNodeId(files, clock, env, root);
      const due = async ({ name, deltas }: CatalogTable) =>
        (await deltasDue({ files, paths: store.paths, node }, { name, deltas }, clock.nowMs())).length > 0;
      const found = await Promise.all((await store.tables()).map(due));
      if (!found.some(Boolean)) return false;
      const lock = { command: command ?? 'hakiri', waitMs: 0 };
      await writer.use(lock, (open) => open.foldSmallWrites());
      return true;
    },

    tidy: (stop, onNote) => tidy(stop, onNote),

    async indexes() {
      return (await requireSearch()).indexes.list(await (await readableStore()).tables());
    },

    async rebuildIndexes(request) {
      const { indexes, indexesWith } = await requireSearch();
      const [options, lock] = await maintenance('index rebuild', request);
      const { index, becoming, onProgress, kill: signal } = request;
      await openMaintenance(options, lock, async ({ catalog }) => {
        const tables = async () =>
          (await catalog.tables()).filter(({ name }) => request.tables.includes(name));
        if (becoming === undefined) return indexes.rebuild(await tables(), { index, onProgress, signal });
        const how = { onProgress, signal, strict: true };
        await indexesWith(becoming.manifest).catchUp(await tables(), how);
        await becoming.publish();
        ({ manifest, manifestHash } = await readManifestInForce(folder));
        // What was committed meanwhile is made, and what served until now goes.
        await indexes.catchUp(await tables(), how);
      });
    },

    async catchUpIndexes(signal) {
      await requireSearch();
      await catchUp(signal);
    },

    async jobs() {
      return (await readableStore()).catalog.jobs();
    },

    async findRun(run) {
      return findRun(await readableStore(), files, run);
    },

    async storedTables() {
      return (await readableStore()).tables();
    },

    nodeId: () => readNodeId(files, clock, env, root),

    audit,

    childPids: () => engine.pids(),

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
      await writer.close();
      // Made here, whoever else makes it at this moment: an erasure is recorded by it.
      await pseudonyms();
      const report = await forget(options, lock, what, (step) => {
        if (step.step === 'table') request.onTable(step.table);
        else if ('subject' in what) request.onNote('looking for other places that mention it');
      });
      // Indexes of the tables went whole; whatever keeps them from being made again does not undo the rest.
      await catchUp(request.kill).catch((error: unknown) =>
        request.onNote(`indexes are made again by the next run: ${toHakiriError(error).message}`),
      );
      return report;
    },

    async pseudonymsOf(text) {
      const keys = await pseudonyms();
      return [hashText(text, keys), tokenizeText(text, keys)];
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
      const { checks } = await examineStore(options);
      const server = await profile.checkServer?.(folder, env);
      return { checks: [...mended, ...checks, ...(await indexChecks()), ...(server ? [server] : [])] };
    },

    async close() {
      await writer.close();
      await (await search.opened)?.close();
      await engine.close();
      for (const store of readableStore.opened()) await store.then((open) => open.close()).catch(() => {});
      await audit.log.close();
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

function isRedacted({ pipelines }: Manifest): boolean {
  const columns = pipelines.flatMap(({ tables }) => (tables ?? []).flatMap((table) => table.columns));
  return columns.some(({ onWrite }) => onWrite !== undefined);
}

function named(manifest: Manifest, ids: readonly PipelineId[]): readonly Pipeline[] {
  return ids.length === 0 ? manifest.pipelines : manifest.pipelines.filter(({ id }) => ids.includes(id));
}
