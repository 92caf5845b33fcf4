import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Clock,
  type Files,
  type NodeId,
  type RunId,
  type TableName,
  type TableTarget,
  ulidTimeMs,
} from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { Random } from '../../../../test/support/random.ts';
import { openSmallWrites } from '../../src/delta/small-writer.ts';
import {
  nodeFiles,
  openWritableStore,
  type SmallWriter,
  type StoreOptions,
  type WritableStore,
} from '../../src/index.ts';
import { storeContext } from '../../src/open-context.ts';
import { type Fault, type FaultFiles, faultFiles } from '../support/fault-files.ts';
import { target } from '../support/test-store.ts';
import { type Columns, firstColumns, makeShape, type Shape, schemaOf } from './shape.ts';
import { emptyModel, type TableModel } from './table-model.ts';

export const TABLE = 'things' as TableName;
export const PROJECT = 'model';
const HERE = '01JABCDEFGHJKMNPQRSTVWXYZ0' as NodeId;
export const THERE = '01JABCDEFGHJKMNPQRSTVWXYZ1' as NodeId;
const START_MS = Date.parse('2026-03-01T00:00:00Z');

/** A store and what it should hold, on a machine of its own. */
export interface Machine {
  readonly root: string;
  readonly node: NodeId;
  readonly clock: { nowMs: number };
  readonly shape: Shape;
  readonly engine: Engine;
  readonly random: Random;
  columns: Columns;
  model: TableModel;
  /** Of the snapshot that the model has seen last. */
  snapshot: string | undefined;
  store: WritableStore | undefined;
  writer: SmallWriter | undefined;
  /** Run ids that were given out, in order. */
  readonly issued: RunId[];
  /** When each was given out. */
  readonly issuedMs: Map<RunId, number>;
  tokens: number;
}

export interface World extends Machine {
  readonly folder: string;
  other: Machine | undefined;
  /** Runs of the other machine that have not come over. */
  readonly elsewhere: Elsewhere[];
  /** Runs that came too late to be taken. */
  readonly refused: Set<RunId>;
  readonly marks: Mark[];
  /** The clock went back, or runs came from elsewhere: times do not say what was there when. */
  isTimeOdd: boolean;
  readonly log: string[];
}

export interface Elsewhere {
  readonly run: RunId;
  readonly versions: TableModel['versions'];
  readonly columns: readonly Columns[];
}

/** A moment that can be asked about later. */
export interface Mark {
  readonly atMs: number;
  readonly run: RunId | undefined;
  readonly born: number;
}

export function makeWorld(random: Random, engine: Engine): World {
  // In memory where there is such a place: what is tested is the order of operations, not the disk.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hakiri-model-'));
  const shape = makeShape(random);
  return {
    ...makeMachine(join(folder, 'here', '.hakiri'), HERE, { nowMs: START_MS }, shape, engine, random),
    folder,
    other: undefined,
    elsewhere: [],
    refused: new Set(),
    marks: [],
    isTimeOdd: false,
    log: [],
  };
}

export function makeMachine(
  root: string,
  node: NodeId,
  clock: { nowMs: number },
  shape: Shape,
  engine: Engine,
  random: Random,
): Machine {
  const { mode, primaryKey, incremental, partitioning } = shape;
  return {
    root,
    node,
    clock,
    shape,
    engine: smallPartitions(engine),
    random,
    columns: firstColumns(shape),
    model: emptyModel({ mode, primaryKey, incremental, isPartitioned: partitioning !== undefined }),
    snapshot: undefined,
    store: undefined,
    writer: undefined,
    issued: [],
    issuedMs: new Map(),
    tokens: 0,
  };
}

/** With a handful of rows, too, there are partitions, and several parts in one. */
function smallPartitions(engine: Engine): Engine {
  return {
    ...engine,
    compact: (request) =>
      engine.compact({
        ...request,
        targetPartRows: 3,
        partitioning:
          request.partitioning?.kind === 'by'
            ? { ...request.partitioning, minRows: 2, maxPartitions: 4 }
            : request.partitioning,
      }),
  };
}

export function dropWorld(world: World): void {
  rmSync(world.folder, { recursive: true, force: true });
}

export function clockOf(machine: Machine): Clock {
  return {
    nowMs: () => machine.clock.nowMs,
    monotonicMs: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

export function options(machine: Machine, files: Files = nodeFiles): StoreOptions {
  const { root, node, engine, shape, issued } = machine;
  const next = runIds(machine.random);
  return {
    root,
    project: PROJECT,
    node,
    files,
    clock: clockOf(machine),
    engine,
    newRunId: (after) => {
      const run = next(machine.clock.nowMs, after);
      issued.push(run);
      machine.issuedMs.set(run, machine.clock.nowMs);
      return run;
    },
    settings: () => ({
      partitioning: shape.partitioning,
      retentionMs: shape.retentionMs,
      tombstoneRetentionMs: shape.tombstoneRetentionMs,
    }),
  };
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** As a process makes them, from seeded randomness: greater than the last one and than `after`. */
function runIds(random: Random): (nowMs: number, after: RunId | undefined) => RunId {
  let lastMs = 0;
  return (nowMs, after) => {
    lastMs = Math.max(nowMs, lastMs + 1, after === undefined ? 0 : ulidTimeMs(after) + 1);
    let time = '';
    for (let rest = lastMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) {
      time = CROCKFORD.charAt(rest % 32) + time;
    }
    return `${time}${random.many(16, () => CROCKFORD.charAt(random.below(32))).join('')}` as RunId;
  };
}

export const LOCK = { command: 'model', waitMs: 0 };

/** The store, opened as a process would when it is not open. */
export async function opened(machine: Machine): Promise<WritableStore> {
  machine.store ??= await openWritableStore(options(machine), LOCK);
  return machine.store;
}

/** The process ends. */
export async function shut(machine: Machine): Promise<void> {
  const { store, writer } = machine;
  machine.store = undefined;
  machine.writer = undefined;
  await writer?.close();
  await store?.close();
}

export async function smallWriter(machine: Machine): Promise<SmallWriter> {
  const store = await opened(machine);
  if (machine.writer === undefined) {
    const { mode, primaryKey, incremental, job: _, ...rest } = targetOf(machine);
    machine.writer = store.openSmallWrites({
      ...rest,
      mode,
      primaryKey,
      ...(incremental === undefined ? {} : { incremental }),
      declared: {
        columns: schemaOf(machine.columns.types).columns.filter(({ type }) => type.kind !== 'undecided'),
      },
    });
  }
  return machine.writer;
}

export function targetOf({ shape }: Machine): TableTarget {
  const { mode, primaryKey, incremental } = shape;
  return target({ table: TABLE, mode, primaryKey, incremental, subjectColumns: ['who'] });
}

/** Works in a process of its own whose disk fails at some operation; afterwards that process is gone. */
export async function underFault(
  world: Machine,
  fault: Fault,
  at: number,
  work: (process: {
    readonly store: WritableStore;
    readonly writer: () => SmallWriter;
    readonly options: StoreOptions;
  }) => Promise<void>,
): Promise<{ readonly error: unknown; readonly files: FaultFiles }> {
  await shut(world);
  const files = faultFiles({ root: world.root, fault, at, random: world.random.next });
  const with_ = options(world, files);
  let store: WritableStore | undefined;
  let writer: SmallWriter | undefined;
  let error: unknown;
  try {
    store = await openWritableStore(with_, LOCK);
    const open = store;
    const context = storeContext(with_, open.paths, open.catalog);
    await work({
      store: open,
      options: with_,
      writer: () => {
        const { job: _, incremental, ...rest } = targetOf(world);
        writer ??= openSmallWrites(context, {
          ...rest,
          ...(incremental === undefined ? {} : { incremental }),
          declared: {
            columns: schemaOf(world.columns.types).columns.filter(({ type }) => type.kind !== 'undecided'),
          },
        });
        return writer;
      },
    });
  } catch (caught) {
    error = caught;
  }
  await writer?.close().catch(() => {});
  await store?.close().catch(() => {});
  return { error, files };
}
