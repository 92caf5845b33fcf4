import { basename } from 'node:path';
import {
  type Catalog,
  type CatalogTable,
  HakiriError,
  type JsonValue,
  type RunId,
  type TableName,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { Layout } from '../disk/layout.ts';
import { viewSelect } from '../view/view-sql.ts';
import { catalogVersion } from './catalog-version.ts';
import { deltaEnd } from './delta-tail.ts';
import { readThroughEngine } from './engine-read.ts';
import { takenRuns, takenSnapshot } from './missing.ts';
import { type OpenSidecar, openSidecar } from './open-sidecar.ts';
import { rowShape } from './row-key.ts';
import type { RowsRequest } from './rows-job.ts';
import { fileIdentity, removeSidecar, sidecarError, sidecarPath, type Taken } from './sidecar-file.ts';
import type { SidecarRow } from './sidecar-row.ts';

export interface RowSidecarOptions {
  readonly paths: Pick<Layout, 'cache' | 'catalog' | 'context' | 'absolute'>;
  readonly engine: Pick<Engine, 'job' | 'query'>;
  readonly catalog: Pick<Catalog, 'table' | 'runs'>;
}

/** Rows by key, from one SQLite file a table: local, made when first asked for, kept current from then on. */
export interface RowSidecars {
  /**
   * Alive rows in the order asked, undefined where there is none, as of the last commit. A key is the values of the
   * key columns in the one JSON form, integers also as text; in a table without a key, run and sequence. Where there
   * can be no sidecar (a store that cannot be written to) the rows come through the view.
   * @throws HakiriError query.unknown_table; store.damaged and what else a query throws
   */
  get(
    table: TableName,
    keys: readonly (readonly JsonValue[])[],
  ): Promise<readonly (SidecarRow | undefined)[]>;
  /**
   * To be called after each commit of a run, a fold or a compaction, with the table as it is then. Takes the new
   * rows in, in the engine's background child; nothing happens for a table without a sidecar. Never fails: what
   * could not be taken in is missing, and the next `get` sees that.
   */
  afterCommit(table: CatalogTable): Promise<void>;
  /** To be called after small writes are on the disk. Never fails. */
  afterSmallWrite(table: CatalogTable): void;
  /** Removes a table's sidecar with all it holds. */
  drop(table: TableName): Promise<void>;
  /** Waits for what is being taken in. */
  close(): Promise<void>;
}

/** Enough for a snapshot, its tombstones, runs, small writes, each once more, and for another process's write. */
const ATTEMPTS = 60;
const RETRY_MS = 20;

interface Side {
  readonly table: TableName;
  readonly path: string;
  open: OpenSidecar | undefined;
  /** Work on the file, one after the other. */
  queue: Promise<unknown>;
  working: number;
}

type Outcome = 'done' | 'busy' | 'failed';

export function openRowSidecars({ paths, engine, catalog }: RowSidecarOptions): RowSidecars {
  const sides = new Map<TableName, Side>();
  const version = catalogVersion(paths.catalog);
  const tables = new Map<TableName, { readonly version: number | undefined; readonly table: CatalogTable }>();

  const sideOf = (table: TableName): Side => {
    const side = sides.get(table) ?? {
      table,
      path: sidecarPath(paths.cache, basename(paths.context), table),
      open: undefined,
      queue: Promise.resolve(),
      working: 0,
    };
    sides.set(table, side);
    return side;
  };

  const tableNow = async (name: TableName): Promise<CatalogTable> => {
    // Asked for before the table is: what changes meanwhile is seen the next time.
    const now = version.now();
    const known = tables.get(name);
    if (known && now !== undefined && known.version === now) return known.table;
    const table = await catalog.table(name);
    if (!table) throw new HakiriError('query.unknown_table', `There is no table "${name}"`);
    tables.set(name, { version: now, table });
    return table;
  };

  /** The sidecar that lies at the path now; undefined when there is none. */
  const opened = (side: Side): OpenSidecar | undefined => {
    if (side.open && side.open.identity === fileIdentity(side.path)) return side.open;
    shut(side);
    side.open = openSidecar(side.path, paths.absolute);
    return side.open;
  };

  const request = (
    side: Side,
    table: CatalogTable,
    parts: Pick<RowsRequest, 'work' | 'taken'>,
  ): RowsRequest => ({
    file: side.path,
    select: viewSelect(table, { path: paths.absolute, provenance: true, deleted: true }),
    ...parts,
  });

  const ends = (table: CatalogTable): Taken['deltas'] =>
    table.deltas.map(({ run, path }) => ({ run, ...deltaEnd(paths.absolute(path)) }));

  const build = async (side: Side, table: CatalogTable): Promise<Outcome> => {
    shut(side);
    const taken: Taken = {
      shape: rowShape(table),
      snapshot: takenSnapshot(table),
      runs: takenRuns(table.newer, table.snapshot?.manifest.covers ?? []),
      deltas: ends(table),
    };
    try {
      await engine.job('rows', request(side, table, { work: { kind: 'build' }, taken }));
      return 'done';
    } catch {
      // Whatever it is, it is not the sidecar's: the view will say it, or do without one.
      return 'failed';
    }
  };

  const takeSnapshot = async (side: Side, open: OpenSidecar, table: CatalogTable): Promise<void> => {
    const snapshot = takenSnapshot(table);
    const runs = takenRuns([], table.snapshot?.manifest.covers ?? []);
    const before = firstRunAt(table.snapshot?.manifest.horizon);
    if (!open.hasTombstonesBefore(before)) return open.takeSnapshot(table, { snapshot, runs });
    const untaken = [...table.newer, ...table.deltas].map(({ run }) => run);
    const work = { kind: 'purge', before, untaken } as const;
    const taken = { shape: rowShape(table), snapshot, runs, deltas: [] };
    const all = request(side, { ...table, newer: [], deltas: [] }, { work, taken });
    await engine.job('rows', { ...all, select: `SELECT * FROM (${all.select}) WHERE "_hakiri_deleted"` });
  };

  /** One step from what the sidecar has towards the table. */
  const step = async (side: Side, table: CatalogTable, make: boolean): Promise<Outcome> => {
    const open = opened(side);
    if (open === undefined) {
      return make ? build(side, table) : 'done';
    }
    const found = open.missing(table, await emptyRuns(table));
    switch (found.kind) {
      case 'nothing':
        break;
      case 'all':
        if (make) return build(side, table);
        return discard(side) ? 'done' : 'failed';
      case 'snapshot':
        await takeSnapshot(side, open, table);
        break;
      case 'rows': {
        if (found.newer.length === 0 && open.takeTails(table)) break;
        const only = { ...table, snapshot: undefined, newer: found.newer, deltas: found.deltas };
        const taken = { shape: rowShape(table), runs: takenRuns(found.newer, []), deltas: ends(only) };
        await engine.job('rows', request(side, only, { work: { kind: 'merge' }, taken }));
      }
    }
    return 'done';
  };

  const emptyRuns = async (table: CatalogTable): Promise<(run: RunId) => boolean> => {
    if (table.snapshot === undefined) return () => false;
    const runs = await catalog.runs(table.name);
    const empty = new Set(runs.filter(({ parts }) => parts.length === 0).map(({ run }) => run));
    return (run) => empty.has(run);
  };

  const work = <T>(side: Side, task: () => Promise<T>): Promise<T> => {
    side.working++;
    const turn = side.queue.then(task).finally(() => {
      side.working--;
    });
    side.queue = turn.catch(() => {});
    return turn;
  };

  const guardedStep = async (side: Side, table: CatalogTable, make: boolean): Promise<Outcome> => {
    try {
      return await step(side, table, make);
    } catch (error) {
      return mend(side, error);
    }
  };

  /** What an error of the file leaves to do: nothing but wait, give up, or make it anew. */
  const mend = (side: Side, error: unknown): Outcome => {
    const { code } = sidecarError(error);
    if (code === 'store.locked') return 'busy';
    if (code !== 'store.damaged') return 'failed';
    return discard(side) ? 'done' : 'failed';
  };

  const isCurrent = (side: Side, table: CatalogTable): OpenSidecar | undefined => {
    const open = opened(side);
    return open?.missing(table, () => true).kind === 'nothing' ? open : undefined;
  };

  return {
    async get(name, keys) {
      const side = sideOf(name);
      let table = await tableNow(name);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        try {
          const current = isCurrent(side, table);
          if (current) return current.read(table, keys);
        } catch (error) {
          if (mend(side, error) === 'failed') break;
        }
        const outcome = await work(side, async () => guardedStep(side, await tableNow(name), true));
        table = await tableNow(name);
        if (outcome === 'failed') break;
        if (outcome === 'busy') await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
      return readThroughEngine(engine, paths.absolute, table, keys);
    },

    async afterCommit(table) {
      const side = sideOf(table.name);
      if (fileIdentity(side.path) === undefined) return;
      await work(side, async () => {
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
          const now = await tableNow(table.name);
          try {
            if (opened(side) === undefined || isCurrent(side, now)) return;
          } catch {
            // Whatever is wrong with the file, the step says what to do about it.
          }
          if ((await guardedStep(side, now, false)) !== 'done') return;
        }
      }).catch(() => {});
    },

    afterSmallWrite(table) {
      const side = sideOf(table.name);
      // What is under way may hold the file; the next read takes the rest in.
      if (side.working > 0 || fileIdentity(side.path) === undefined) return;
      try {
        const open = opened(side);
        const found = open?.missing(table, () => true);
        if (found?.kind === 'rows' && found.newer.length === 0) open?.takeTails(table);
      } catch (error) {
        mend(side, error);
      }
    },

    async drop(name) {
      const side = sideOf(name);
      await work(side, async () => {
        shut(side);
        removeSidecar(side.path);
      });
    },

    async close() {
      await Promise.all([...sides.values()].map(({ queue }) => queue));
      for (const side of sides.values()) shut(side);
      version.close();
    },
  };
}

function shut(side: Side): void {
  side.open?.close();
  side.open = undefined;
}

/** Whether a damaged or useless file could be removed. */
function discard(side: Side): boolean {
  try {
    shut(side);
    removeSidecar(side.path);
    return true;
  } catch {
    return false;
  }
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Less than every run id of that time or later, more than every earlier one. */
function firstRunAt(time: string | undefined): string {
  let ms = Math.max(0, Math.floor(Date.parse(time ?? '') || 0));
  let text = '';
  for (let i = 0; i < 10; i++) {
    text = CROCKFORD.charAt(ms % 32) + text;
    ms = Math.floor(ms / 32);
  }
  return text;
}
