import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type CatalogTable,
  type Embedder,
  type ErasureTarget,
  type ErrorCode,
  type Files,
  HakiriError,
  type IndexSpec,
  type SidecarBuilder,
  type SidecarPart,
  type SidecarTable,
  type TableName,
  tableParts,
  toHakiriError,
  type VectorIndexSpec,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { deltaSelect, type Layout, viewSelect } from '@hakiri/store';
import { embeddingCacheFolder } from '../embed/cache/cache-file.ts';
import { type BuildPart, type BuiltPart, type IndexBuildAnswer, NOT_EMBEDDED } from './build-request.ts';
import { catchUpTable } from './catch-up.ts';
import { checkFiles, type IndexFault } from './check-indexes.ts';
import { coverageOf, type IndexManifests, indexManifests, partsOf, servingSpec } from './coverage.ts';
import { indexId } from './definition.ts';
import { embedMissing } from './embed-missing.ts';
import { embeddingsTarget, graphsTarget } from './erasure-targets.ts';
import { stopsCommit } from './index-error.ts';
import { ROWS_ID } from './index-manifest.ts';
import type { IndexedTable } from './indexed-table.ts';
import type { IndexMergeRequest } from './merge-job.ts';
import { publishBuilt } from './publish.ts';
import { type Standing, standings } from './standing.ts';

export interface IndexesOptions {
  readonly paths: Layout;
  readonly files: Files;
  readonly engine: Engine;
  /** As declared, now. */
  specsOf(table: TableName): readonly IndexSpec[];
  /**
   * The model of an index, for texts of the table.
   * @throws HakiriError embedding.unknown_model, embedding.zone_refused, secret.missing
   */
  embedder(table: TableName, spec: VectorIndexSpec): Promise<Embedder>;
  onEvent?: (event: IndexEvent) => void;
}

/** Told, and nothing stops for it: the data is there, and the index is made later. */
export interface IndexEvent {
  readonly kind: 'behind';
  readonly table: TableName;
  /** By name; undefined where it is about all of the table's. */
  readonly index: string | undefined;
  readonly error: HakiriError;
}

/** The indexes of a store, on the side of the main process. */
export interface Indexes {
  /** For `StoreOptions.sidecars`. */
  readonly sidecars: SidecarBuilder;
  /** For `StoreOptions.erasureTargets`, over the tables as the store's catalog has them by then. */
  erasureTargets(tables: () => Promise<readonly CatalogTable[]>): readonly ErasureTarget[];
  /** A table as a search is asked of it. */
  indexedTable(table: CatalogTable): Promise<IndexedTable>;
  /** Rows that each declared index, or what serves in its place, does not hold; dead rows are counted with them. */
  behind(table: CatalogTable): Promise<readonly { readonly name: string; readonly rowsBehind: number }[]>;
  list(tables: readonly CatalogTable[]): Promise<readonly IndexState[]>;
  /**
   * Makes what is missing, and removes what no longer serves. Cheap where nothing is missing. Only for the holder of
   * the compaction lock. With `strict`, what cannot be embedded is an error.
   * @throws HakiriError store.disk_full, store.io, interrupted; with `strict` embedding.*
   */
  catchUp(
    tables: readonly CatalogTable[],
    options?: WorkOptions & { readonly strict?: boolean },
  ): Promise<void>;
  /**
   * Makes indexes anew, all of the tables' or those of a name; what serves now does until then. Only for the holder
   * of the compaction lock.
   * @throws HakiriError embedding.*, store.disk_full, store.io, interrupted
   */
  rebuild(
    tables: readonly CatalogTable[],
    options?: WorkOptions & { readonly index?: string | undefined },
  ): Promise<void>;
  /** Reads every file of every index. */
  check(tables: readonly CatalogTable[]): Promise<readonly IndexFault[]>;
}

export interface WorkOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: IndexProgress) => void) | undefined;
}

export interface IndexProgress {
  readonly table: TableName;
  readonly step: 'embedding' | 'building' | 'graph';
  /** Texts, or rows of parts; the total of texts is not known. */
  readonly done: number;
  readonly total: number | undefined;
}

export interface IndexState {
  readonly table: TableName;
  readonly spec: IndexSpec;
  readonly id: string;
  /** In parts; `rowsBehind` of them are not in the index yet. */
  readonly rows: number;
  readonly rowsBehind: number;
  readonly bytes: number;
  /** What answers searches now, where it is not the declared one. */
  readonly serving: IndexSpec | undefined;
}

/** After a model failed, commits leave it alone for a while; data must not wait for it each time. */
const PAUSE_MS = 60_000;

/** What the parts of the service share. */
export interface IndexWork {
  readonly options: IndexesOptions;
  readonly manifests: IndexManifests;
  readonly embeddingsOf: (table: TableName) => string;
  readonly graphsOf: (table: TableName) => string;
  /** Builds what parts want, embeds what it takes, and makes it count; what could not be made is told. */
  build(table: SidecarTable, parts: readonly BuildPart[], how: BuildHow): Promise<void>;
  indexedTable(table: CatalogTable): Promise<IndexedTable>;
}

export interface BuildHow extends WorkOptions {
  readonly lane: 'background' | 'writer';
  /** Whether what cannot be embedded is an error. */
  readonly strict?: boolean;
}

export function createIndexes(options: IndexesOptions): Indexes {
  const { paths, files, engine, specsOf } = options;
  const project = basename(paths.context);
  const manifests = indexManifests(files);
  const embeddingsOf = (table: TableName) => embeddingCacheFolder(paths.cache, project, table);
  const graphsOf = (table: TableName) => join(paths.cache, 'graphs', project, table);
  const pausedUntil = new Map<string, number>();
  let built = 0;

  const tell = (table: TableName, index: string | undefined, error: unknown): void => {
    options.onEvent?.({ kind: 'behind', table, index, error: toHakiriError(error) });
  };

  /** Embeds what a build found missing. Undefined when it could not be done. */
  const embed = async (
    table: SidecarTable,
    spec: VectorIndexSpec,
    parts: readonly BuildPart[],
    { lane, strict = false, signal, onProgress }: BuildHow,
  ): Promise<boolean> => {
    if (lane === 'writer' && (pausedUntil.get(spec.model) ?? 0) > Date.now()) return false;
    try {
      const embedder = await options.embedder(table.name, spec);
      await embedMissing(
        engine,
        embedder,
        {
          spec,
          embeddings: embeddingsOf(table.name),
          sources: { parts, deltas: [], schema: table.schema },
        },
        {
          lane,
          signal,
          onTexts: (done) => onProgress?.({ table: table.name, step: 'embedding', done, total: undefined }),
        },
      );
      return true;
    } catch (error) {
      if (strict || stopsCommit(error) || signal?.aborted) throw error;
      pausedUntil.set(spec.model, Date.now() + PAUSE_MS);
      tell(table.name, spec.name, error);
      return false;
    }
  };

  /** What was left out for want of vectors is built once they are there. */
  const finish = async (
    table: SidecarTable,
    parts: readonly BuildPart[],
    specs: readonly IndexSpec[],
    answer: IndexBuildAnswer,
    how: BuildHow,
  ): Promise<void> => {
    const done: BuiltPart[] = [...answer.parts];
    for (const spec of specs) {
      if (spec.kind !== 'vector') continue;
      const id = indexId(spec);
      const waiting = new Set(
        answer.parts
          .filter(({ behind }) => behind.some((one) => one.id === id && one.code === NOT_EMBEDDED))
          .map(({ path }) => path),
      );
      if (waiting.size === 0) continue;
      const again = parts.filter(({ path }) => waiting.has(path)).map((part) => ({ ...part, wants: [id] }));
      if (!(await embed(table, spec, again, how))) continue;
      done.push(...(await askBuild(table, again, specs, how)).parts);
    }
    await publishBuilt(files, specs, done);
    built++;
    const failed = new Map<string, HakiriError>();
    for (const { behind } of done) {
      for (const { id, code, message } of behind) {
        if (code !== NOT_EMBEDDED) failed.set(id, new HakiriError(code as ErrorCode, message));
      }
    }
    for (const [id, error] of failed) {
      tell(table.name, specs.find((spec) => indexId(spec) === id)?.name, error);
    }
  };

  const askBuild = (
    table: SidecarTable,
    parts: readonly BuildPart[],
    indexes: readonly IndexSpec[],
    { lane }: BuildHow,
  ): Promise<IndexBuildAnswer> =>
    engine.job<IndexBuildAnswer>(
      'index-build',
      { parts, primaryKey: table.primaryKey, indexes, embeddings: embeddingsOf(table.name) },
      lane,
    );

  /** Whatever is wrong with an index is told; what is wrong with the disk is thrown. */
  const guarded = async (table: TableName, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (stopsCommit(error)) throw error;
      tell(table, undefined, error);
    }
  };

  const wanting = (parts: readonly SidecarPart[], specs: readonly IndexSpec[]): readonly BuildPart[] =>
    parts.map(({ path, rows, columns }) => ({
      path: paths.absolute(path),
      rows,
      columns,
      wants: [ROWS_ID, ...specs.map(indexId)],
    }));

  const sidecars: SidecarBuilder = {
    async forRun(table, given) {
      const specs = specsOf(table.name);
      if (specs.length === 0 || given.length === 0) return;
      const how: BuildHow = { lane: 'writer' };
      const parts = wanting(given, specs);
      await guarded(table.name, async () =>
        finish(table, parts, specs, await askBuild(table, parts, specs, how), how),
      );
    },
    async forSnapshot(table, given, sources) {
      const specs = specsOf(table.name);
      if (specs.length === 0 || given.length === 0) return;
      const parts = wanting(given, specs);
      const request: IndexMergeRequest = {
        parts,
        sources: sources.map(({ path, rows }) => ({ path: paths.absolute(path), rows })),
        primaryKey: table.primaryKey,
        indexes: specs,
        embeddings: embeddingsOf(table.name),
      };
      await guarded(table.name, async () =>
        finish(table, parts, specs, await engine.job('index-merge', request), { lane: 'background' }),
      );
    },
  };

  const standing = standings({ files, manifests, absolute: paths.absolute, specsOf, built: () => built });

  const made = new WeakMap<CatalogTable, Made>();

  /** The same object for the same state: what was made from it once is found again by it. */
  const indexedTable = async (table: CatalogTable): Promise<IndexedTable> => {
    const known = made.get(table);
    const standings = await standing(table);
    const version =
      table.deltas.length === 0 && known ? known.indexed.version : versionOf(table, paths.absolute);
    if (known?.standings === standings && known.indexed.version === version && known.indexed.built === built)
      return known.indexed;
    const indexed: IndexedTable = {
      name: table.name,
      version,
      primaryKey: table.mode === 'append' ? [] : table.primaryKey,
      schema: table.schema,
      parts: partsOf(table, paths.absolute),
      deltas: table.deltas.map((delta) => ({
        path: paths.absolute(delta.path),
        run: delta.run,
        select: deltaSelect({ schema: table.schema }, delta, paths.absolute(delta.path)),
      })),
      placesSelect: viewSelect(table, { path: paths.absolute, provenance: true, places: true }),
      indexes: standings.map(({ serving }) => serving),
      built,
      graphs: graphsOf(table.name),
      embeddings: embeddingsOf(table.name),
    };
    made.set(table, { standings, indexed });
    return indexed;
  };

  const work: IndexWork = {
    options,
    manifests,
    embeddingsOf,
    graphsOf,
    async build(table, parts, how) {
      const specs = specsOf(table.name);
      await finish(table, parts, specs, await askBuild(table, parts, specs, how), how);
    },
    indexedTable,
  };

  return {
    sidecars,
    erasureTargets: (tables) => [
      graphsTarget(files, graphsOf),
      embeddingsTarget({ engine, paths, files, specsOf, embeddingsOf, tables }),
    ],
    indexedTable,
    async behind(table) {
      return (await standing(table)).flatMap(({ serving, rowsBehind }) =>
        serving.scrubbed === undefined ? [{ name: serving.name, rowsBehind }] : [],
      );
    },
    async list(tables) {
      const states: IndexState[] = [];
      for (const table of tables) {
        const parts = partsOf(table, paths.absolute);
        const rows = parts.reduce((sum, part) => sum + part.rows, 0);
        for (const spec of specsOf(table.name)) {
          const id = indexId(spec);
          const covered = await coverageOf(manifests, parts, id);
          const serves = await servingSpec(files, manifests, parts, spec);
          states.push({
            table: table.name,
            spec,
            id,
            rows,
            rowsBehind: rows - covered.rows,
            bytes: covered.bytes,
            serving: serves === spec ? undefined : serves,
          });
        }
      }
      return states;
    },
    async catchUp(tables, how = {}) {
      for (const table of tables) await catchUpTable(work, table, { ...how, lane: 'background' });
    },
    async rebuild(tables, { index, ...how } = {}) {
      for (const table of tables) {
        await catchUpTable(work, table, { ...how, lane: 'background', strict: true, anew: index ?? true });
      }
    },
    check: (tables) => checkFiles({ engine, files, manifests, specsOf, absolute: paths.absolute }, tables),
  };
}

interface Made {
  readonly standings: readonly Standing[];
  readonly indexed: IndexedTable;
}

/** Small writes grow: what they hold now is part of it. */
function versionOf(table: CatalogTable, absolute: (relative: string) => string): string {
  const deltas = table.deltas.map(({ path, until, beforeSeq }) => {
    const stat = statSync(absolute(path), { throwIfNoEntry: false });
    return [path, stat?.ino, stat?.size, until ?? null, beforeSeq ?? null];
  });
  const made = JSON.stringify([
    tableParts(table).map(({ path }) => absolute(path)),
    deltas,
    table.fingerprint,
    table.mode,
    table.primaryKey,
  ]);
  return createHash('sha256').update(made).digest('base64url').slice(0, 22);
}
