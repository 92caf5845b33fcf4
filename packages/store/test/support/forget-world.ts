import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Files, JsonValue, PipelineId, TableName } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import {
  compactStore,
  type ForgetReport,
  type ForgetRequest,
  forget,
  openStore,
  openWritableStore,
  type StoreOptions,
  type WritableStore,
} from '../../src/index.ts';
import { openRowSidecars } from '../../src/rows/index.ts';
import type { Planted } from './find-values.ts';
import { type AnyRow, readThroughView } from './foreign-readers.ts';
import { contextOf, emptyRoot, schema, spool, storeOptions, target } from './test-store.ts';

export const PEOPLE = 'people' as TableName;
export const LETTERS = 'letters' as TableName;
export const LOCK = { command: 'test', waitMs: 0 };

export const PEOPLE_COLUMNS = schema({
  id: 'string',
  email: 'string',
  changed: 'string',
  number: 'int64',
  measure: 'double',
  price: 'decimal(18,4)',
  born: 'date',
  seen: 'timestamp',
  wakes: 'time',
  face: 'bytes',
  more: 'json',
  tags: 'string[]',
  home: 'struct<street: string>',
});

export const SUBJECT = 'zora.quist@planted.example';
const FACE = Buffer.from('planted-face-bytes');

/** The row that is to be forgotten: a value that stands nowhere else in each column. */
export const zora = (version: number): Record<string, JsonValue> => ({
  id: 'key-of-zora-planted',
  email: SUBJECT,
  changed: `zz-planted-${version}`,
  number: 7305551212345678,
  measure: 123456.78125,
  price: '998877.6655',
  born: '1931-07-19',
  seen: '1931-07-18T11:22:33.444Z',
  wakes: '03:33:21.5',
  face: FACE.toString('base64'),
  more: { deep: ['planted in json'] },
  tags: ['one', 'planted in a list'],
  home: { street: 'planted in a struct' },
});

const micros = (ms: number, more = 0): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(ms) * 1000n + BigInt(more));
  return bytes;
};
const double = Buffer.alloc(8);
double.writeDoubleLE(123456.78125);
const integer = Buffer.alloc(8);
integer.writeBigInt64LE(7305551212345678n);
const days = Buffer.alloc(4);
days.writeInt32LE(Date.parse('1931-07-19') / 86_400_000);

/** In each form in which the files may hold it. Four bytes alone would be found by chance. */
export const PLANTED: Planted = {
  key: ['key-of-zora-planted'],
  subject: [SUBJECT],
  order: ['zz-planted'],
  number: ['7305551212345678', integer],
  measure: ['123456.78125', double],
  price: ['998877.6655', '9988776655'],
  born: ['1931-07-19'],
  seen: ['1931-07-18', micros(Date.parse('1931-07-18T11:22:33.444Z'))],
  wakes: ['03:33:21', micros(12_801_500)],
  face: [FACE, FACE.toString('base64')],
  json: ['planted in json'],
  list: ['planted in a list'],
  struct: ['planted in a struct'],
};

export const person = (n: number, parts: Record<string, JsonValue> = {}): Record<string, JsonValue> => ({
  id: `p${n}`,
  email: `p${n}@elsewhere.example`,
  changed: `c-${String(n).padStart(6, '0')}`,
  number: n,
  more: { n },
  ...parts,
});

export interface World {
  readonly root: string;
  readonly options: StoreOptions;
  /** Runs are numbered through. */
  with(files: Files): StoreOptions;
  write<T>(work: (store: WritableStore) => Promise<T>): Promise<T>;
  run(rows: readonly object[]): Promise<void>;
  small(rows: readonly Record<string, JsonValue>[], fold?: 'fold'): Promise<void>;
  compact(): Promise<void>;
  sidecar(keys: readonly string[]): Promise<readonly (Record<string, unknown> | undefined)[]>;
  forget(request?: ForgetRequest): Promise<ForgetReport>;
  rows(table?: TableName): Promise<AnyRow[]>;
  /** Ids of the table's rows, sorted. */
  ids(): Promise<unknown[]>;
}

export const peopleTarget = () =>
  target({
    table: PEOPLE,
    sourceTable: 'people',
    incremental: 'changed',
    subjectColumns: ['email'],
    declared: PEOPLE_COLUMNS,
  });

export const smallTarget = () => ({
  table: PEOPLE,
  mode: 'merge' as const,
  primaryKey: ['id'],
  incremental: 'changed',
  subjectColumns: ['email'],
  pipeline: 'memory' as PipelineId,
  declared: PEOPLE_COLUMNS,
  lineage: target().lineage,
});

export function world(t: TestContext, engine: Engine): World {
  const root = emptyRoot(t);
  // Run ids here are years old: nothing is to be collected or refused for that.
  const settings = { partitioning: undefined, retentionMs: 1e12, tombstoneRetentionMs: 1e12 };
  const options = { ...storeOptions(root, engine), settings: () => settings };
  return worldAt(root, options, engine);
}

export function worldAt(root: string, options: StoreOptions, engine: Engine): World {
  const write: World['write'] = async (work) => {
    const store = await openWritableStore(options, LOCK);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const rows: World['rows'] = (table = PEOPLE) => readThroughView(contextOf(root), table);
  return {
    root,
    options,
    with: (files) => ({ ...options, files }),
    write,
    run: (records) =>
      write(async (store) => {
        const writer = await store.openTable(peopleTarget());
        await writer.writePart(spool(root, PEOPLE_COLUMNS, records));
        rmSync(join(root, 'cache', 'spool.ndjson'));
        await writer.commit(undefined);
      }),
    small: (records, fold) =>
      write(async (store) => {
        const writer = store.openSmallWrites(smallTarget());
        for (const values of records) await writer.write([{ values }]);
        if (fold) await writer.fold();
        await writer.close();
      }),
    compact: async () => void (await compactStore(options, LOCK, {})),
    async sidecar(keys) {
      const store = await openStore(options);
      const sidecars = openRowSidecars({ paths: store.paths, engine, catalog: store.catalog });
      try {
        const found = await sidecars.get(
          PEOPLE,
          keys.map((key) => [key]),
        );
        return found.map((row) => row?.values as Record<string, unknown> | undefined);
      } finally {
        await sidecars.close();
        await store.close();
      }
    },
    forget: (request = { subject: SUBJECT }) => forget(options, LOCK, request),
    rows,
    ids: async () => (await rows()).map(({ id }) => id).sort(),
  };
}

/** Zora in runs, in two snapshots, in small writes open and folded, in quarantine, in the sidecar and in a spool. */
export async function plantEverywhere(w: World): Promise<void> {
  await w.run([person(1), zora(1), person(2)]);
  await w.write(async (store) => {
    const writer = await store.openTable(peopleTarget());
    await writer.writePart(spool(w.root, PEOPLE_COLUMNS, [person(3), zora(2)]));
    rmSync(join(w.root, 'cache', 'spool.ndjson'));
    const aside = (record: string) => ({
      code: 'record.type_conflict' as const,
      reason: 'column number does not hold int64',
      column: 'number',
      record: Buffer.from(record),
    });
    await writer.setAside([
      aside(JSON.stringify({ ...zora(2), number: 'many' })),
      aside(`{"email": "${SUBJECT}", "number": `),
      aside(JSON.stringify(person(77, { number: 'many' }))),
    ]);
    await writer.commit(JSON.stringify({ v: 1, state: { value: JSON.stringify('zz-planted-2') } }));
  });
  await w.compact();
  await w.small([zora(3), person(4)], 'fold');
  await w.compact();
  // No value of their own: these inherit the greatest there is, which is Zora's.
  await w.run([zora(4), { ...person(5), changed: null }, { id: 'p2', _hakiri_deleted: true }]);
  await w.small([person(6), zora(5), { ...person(7), changed: null }]);
  const [row] = await w.sidecar(['key-of-zora-planted']);
  assert.equal(row?.email, SUBJECT);
  await w.small([person(8, { number: '9007199254740993' })]);
  const left = join(w.root, 'cache', 'spool', 'test');
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'spool-1.ndjson'), JSON.stringify(zora(1)));
  writeFileSync(join(contextOf(w.root), 'meta.sqlite.lost-2026'), SUBJECT);
  await w.write(async (store) => {
    const writer = await store.openTable(
      target({ table: LETTERS, sourceTable: 'letters', pipeline: 'letters' as PipelineId }),
    );
    const columns = schema({ id: 'int64', text: 'string' });
    await writer.writePart(
      spool(w.root, columns, [
        { id: 1, text: 'Dear P1' },
        { id: 2, text: 'about somebody' },
      ]),
    );
    rmSync(join(w.root, 'cache', 'spool.ndjson'));
    await writer.commit(undefined);
  });
}
