import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HakiriError } from '@hakiri/core';
import { fuzzCount, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { FAULTS, type Fault, type FaultFiles, faultFiles } from '../../../store/test/support/fault-files.ts';
import { type IndexedWorld, indexedWorld, note } from './support/indexed-world.ts';

const SAMPLES = Math.ceil(fuzzCount(12) / 8);

const OLD = Array.from({ length: 6 }, (_, id) => note(id, `old thing ${id}`));
const NEW = [note(0, 'new thing'), note(9, 'new thing too')];

const WORK: Readonly<Record<string, (world: IndexedWorld) => Promise<void>>> = {
  'a commit': (world) => world.run(NEW),
  'a fold': (world) => world.fold(),
  'a compaction': (world) => world.compact(),
  'catching up': (world) => world.catchUp(),
};

/** Before the work begins. */
const PREPARED: Readonly<Record<string, (world: IndexedWorld) => Promise<void>>> = {
  'a commit': async () => {},
  'a fold': (world) => world.write(NEW.map((values) => ({ values }))),
  'a compaction': (world) => world.run(NEW),
  async 'catching up'(world) {
    world.declare([]);
    await world.run(NEW);
  },
};

for (const [name, work] of Object.entries(WORK)) {
  test(`${name} that dies at any operation leaves the old or the new, and searches say which`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'hakiri-crash-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const base = await indexedWorld(t, { root: join(folder, 'base') });
    await base.run(OLD);
    await PREPARED[name]!(base);
    const engine = base.engine;
    let copies = 0;
    const attempt = async (fault: Fault, at: number): Promise<{ files: FaultFiles; root: string }> => {
      const root = join(folder, `copy-${copies++}`);
      cpSync(base.root, root, { recursive: true });
      const files = faultFiles({ root, fault, at, random: seededRandom(at).next });
      const world = await indexedWorld(t, { root, engine, files });
      await work(world).catch(() => {});
      await world.close().catch(() => {});
      return { files, root };
    };
    const { files } = await attempt('eio', Number.POSITIVE_INFINITY);
    const { below } = seededRandom(TEST_SEED);
    for (let sample = 0; sample < SAMPLES; sample++) {
      const at = 1 + below(files.operations);
      const fault = FAULTS[below(FAULTS.length)]!;
      const { root } = await attempt(fault, at);
      const world = await indexedWorld(t, { root, engine });
      const told = `${fault} at ${at} of ${files.operations}, HAKIRI_SEED=${TEST_SEED}`;
      await world.catchUp();
      const found = async (word: string): Promise<readonly number[]> =>
        (await world.found(word)).map(Number).sort((a, b) => a - b);
      const olds = await found('old');
      const news = await found('new');
      const isNew = news.length > 0;
      assert.deepEqual(
        [olds, news],
        isNew
          ? [
              [1, 2, 3, 4, 5],
              [0, 9],
            ]
          : [[0, 1, 2, 3, 4, 5], []],
        told,
      );
      if (name !== 'a commit') assert.ok(isNew, told);
      const near = (await world.found('new thing', { mode: 'vector', k: 2 })).map(Number);
      assert.equal(near.includes(9), isNew, told);
      assert.deepEqual(await world.indexes.check([await world.table()]), [], told);
      await world.close();
      rmSync(root, { recursive: true, force: true });
    }
  });
}

test('a commit fails when the disk is full for an index, as it would for a part', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-crash-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, '.hakiri');
  const files = faultFiles({ root, fault: 'full', at: Number.POSITIVE_INFINITY, random: () => 0 });
  const world = await indexedWorld(t, {
    root,
    files: {
      ...files,
      sync: async (path: string) => {
        if (path.endsWith('.text')) throw new HakiriError('store.disk_full', 'no space left');
        await files.sync(path);
      },
    },
  });
  await assert.rejects(() => world.run(OLD), { code: 'store.disk_full' });
  assert.deepEqual(await (await world.store()).tables(), []);
});
