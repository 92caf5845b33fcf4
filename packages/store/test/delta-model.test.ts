import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { fuzzCount, type Random, seededRandom, TEST_SEED } from '../../../test/support/random.ts';
import { testEngine } from '../../engine/test/support/engine.ts';
import { FOLD_AT } from '../src/delta/fold-delta.ts';
import type { SmallRow, SmallTarget, SmallWriter } from '../src/index.ts';
import {
  gone,
  NOTES,
  notesTable,
  type OpenNotes,
  openNotes,
  row,
  smallWrites,
  texts,
} from './support/delta-store.ts';
import { contextOf, emptyRoot, schema, spool, target } from './support/test-store.ts';

const engine = testEngine();
after(() => engine.close());

const COLUMNS = schema({ id: 'int64', text: 'string', version: 'int64' });
const STEPS = 40;

/** A table as its rules say: what has a lower version than its key loses, and who has none takes the greatest. */
interface Model {
  readonly rows: Map<number, { readonly version: number; readonly text: string | undefined }>;
  greatest: number;
}

function put(model: Model, id: number, text: string | undefined, version: number | undefined): void {
  const own = version ?? model.greatest;
  model.greatest = Math.max(model.greatest, own);
  const have = model.rows.get(id);
  if (have === undefined || own >= have.version) model.rows.set(id, { version: own, text });
}

const alive = ({ rows }: Model): Record<string, unknown> =>
  Object.fromEntries(
    [...rows]
      .flatMap(([id, { text }]) => (text === undefined ? [] : [[id, text]]))
      .sort(([a], [b]) => Number(a) - Number(b)),
  );

/** The same process as far as the store can tell, or another one later. */
async function reopened(open: OpenNotes, firstRun: number): Promise<OpenNotes> {
  await open.store.close();
  return openNotes(open.root, engine, { firstRun });
}

async function play(t: TestContext, random: Random, incremental: boolean): Promise<void> {
  const parts: Partial<SmallTarget> = {
    declared: COLUMNS,
    ...(incremental ? { incremental: 'version' } : {}),
  };
  const foldAt = { ...FOLD_AT, rows: 25 };
  const model: Model = { rows: new Map(), greatest: Number.NEGATIVE_INFINITY };
  let open = await openNotes(emptyRoot(t), engine);
  const begin = (): SmallWriter => smallWrites(open, parts, { foldAt });
  let writer = begin();
  let count = 0;

  const someRow = (): SmallRow => {
    const id = random.below(12);
    const text = `${count++}`;
    if (random.chance(0.25)) {
      put(model, id, undefined, undefined);
      return gone(id);
    }
    const version = incremental && random.chance(0.7) ? random.below(50) : undefined;
    put(model, id, text, version);
    return row({ id, text, ...(version === undefined ? {} : { version }) });
  };
  const steps: Record<string, () => Promise<unknown>> = {
    write: () => writer.write(random.many(1 + random.below(4), someRow)),
    together: () => Promise.all(random.many(1 + random.below(6), () => writer.write([someRow()]))),
    fold: () => writer.fold(),
    run: async () => {
      const table = await open.store.openTable(
        target({ table: NOTES, incremental: incremental ? 'version' : undefined }),
      );
      const rows = random.many(3, () => ({
        id: random.below(12),
        text: `${count++}`,
        version: random.below(50),
      }));
      for (const { id, text, version } of rows) put(model, id, text, incremental ? version : undefined);
      await table.writePart(spool(open.root, COLUMNS, rows));
      await table.commit(undefined);
    },
    another: async () => {
      await writer.close();
      writer = begin();
    },
    crash: async () => {
      await writer.close();
      const path = (await open.store.catalog.table(NOTES))?.deltas.at(-1)?.path;
      if (path !== undefined) {
        const file = join(contextOf(open.root), path);
        const line = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
        appendFileSync(file, line.slice(0, random.below(line.length)));
      }
      open = await reopened(open, 10 * count + 100);
      writer = begin();
    },
  };
  const names = ['write', 'write', 'together', 'together', 'fold', 'run', 'another', 'crash'];
  try {
    await writer.write([someRow()]);
    const played: string[] = [];
    for (let step = 0; step < STEPS; step++) {
      const name = random.pick(names);
      played.push(name);
      await steps[name]?.();
      assert.deepEqual(await texts(open.root), alive(model), played.join(' '));
    }
    await writer.fold();
    assert.deepEqual((await notesTable(open)).deltas, []);
    assert.deepEqual(await texts(open.root), alive(model));
  } finally {
    await writer.close();
    await open.store.close();
  }
}

for (const incremental of [false, true]) {
  test(`small writes and runs in any order are what the rules say, ${incremental ? 'with' : 'without'} an incremental column`, async (t) => {
    for (let i = 0; i < fuzzCount(2); i++) {
      try {
        await play(t, seededRandom(TEST_SEED + i), incremental);
      } catch (error) {
        throw new Error(`failed with HAKIRI_SEED=${TEST_SEED + i} HAKIRI_FUZZ_COUNT=1`, { cause: error });
      }
    }
  });
}
