import {
  type Catalog,
  type Clock,
  type ErasureTarget,
  type Files,
  HakiriError,
  type NodeId,
  type RunId,
  type SidecarBuilder,
  TABLE_DEFAULTS,
  type TableName,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { openSqliteCatalog } from './catalog/sqlite-catalog.ts';
import { runIdFactory } from './commit/run-ids.ts';
import { type Layout, layout } from './disk/layout.ts';
import type { LockHolder } from './disk/writer-lock.ts';
import { requireCatalog } from './recovery/lost-catalog.ts';
import type { RowSidecars } from './rows/index.ts';
import type { StoreContext, TableSettings } from './store-context.ts';
import { type Upgrade, upgradeStore } from './upgrade/upgrade-store.ts';
import { writeView } from './view/write-views.ts';

export interface StoreOptions {
  /** The `.hakiri` folder. */
  readonly root: string;
  readonly project: string;
  readonly node: NodeId;
  readonly files: Files;
  readonly clock: Clock;
  readonly engine: Engine;
  /** Run ids, for tests that need the same ones twice. */
  readonly newRunId?: (after: RunId | undefined) => RunId;
  /** What the manifest says of a table's keeping; defaults for tables it does not name. */
  readonly settings?: (table: TableName) => TableSettings | undefined;
  /** Makes indexes together with the parts. */
  readonly sidecars?: SidecarBuilder | undefined;
  /** What else may hold rows; the store's own caches are known to it. */
  readonly erasureTargets?: readonly ErasureTarget[] | undefined;
  /** Told when the store was of an older format and is not any more. */
  readonly onUpgrade?: ((upgrade: Upgrade) => void) | undefined;
}

export interface LockOptions {
  readonly command: string;
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  readonly onWait?: (holder: LockHolder | undefined) => void;
}

/** What the parts of a store share, over an open catalog. */
export function storeContext(
  options: StoreOptions,
  paths: Layout,
  catalog: Catalog,
  rows?: RowSidecars,
): StoreContext {
  const { files, clock, engine, node } = options;
  return {
    files,
    clock,
    engine,
    catalog,
    node,
    paths,
    newRunId: options.newRunId ?? runIdFactory(clock),
    async published({ name }) {
      const table = await writeView({ files, clock, paths, catalog }, name);
      if (table) void rows?.afterCommit(table);
    },
    afterSmallWrite: (table) => rows?.afterSmallWrite(table),
    settings: (table) => options.settings?.(table) ?? DEFAULT_SETTINGS,
    sidecars: options.sidecars,
    erasureTargets: options.erasureTargets ?? [],
  };
}

const DEFAULT_SETTINGS: TableSettings = {
  partitioning: undefined,
  retentionMs: TABLE_DEFAULTS.retentionMs,
  tombstoneRetentionMs: TABLE_DEFAULTS.tombstoneRetentionMs,
};

/**
 * Of a store that is there, upgraded if it was of an older format. Before the caller has a lock of it.
 * @throws HakiriError store.not_found, store.newer_format, and what an upgrade throws
 */
export async function storePaths(options: StoreOptions): Promise<Layout> {
  const { root, project } = options;
  const paths = layout(root, project);
  if (await upgradeStore({ ...options, paths })) return paths;
  throw new HakiriError('store.not_found', `There is no store in ${root}`);
}

/** @throws HakiriError store.catalog_lost, store.newer_format, store.read_only */
export async function openCatalog(files: Files, paths: Layout, access: 'write' | 'read'): Promise<Catalog> {
  await requireCatalog(files, paths);
  return openSqliteCatalog(paths.catalog, access);
}
