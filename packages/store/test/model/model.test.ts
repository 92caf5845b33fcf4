import { after, test } from 'node:test';
import { createEngine, type Engine } from '@hakiri/engine';
import { seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { spawnEngineChild } from '../support/engine.ts';
import { pickAction } from './actions.ts';
import {
  checkArchive,
  checkAsStranger,
  checkExport,
  checkFiles,
  checkPast,
  checkRows,
  checkView,
  followSnapshot,
} from './check.ts';
import { dropWorld, makeWorld, opened, shut, type World } from './world.ts';

/** As many seeds as asked for; otherwise as many as fit in the time. */
const COUNT = Number(process.env.HAKIRI_MODEL_COUNT ?? Number.POSITIVE_INFINITY);
const BUDGET_MS = Number.isFinite(COUNT) ? Number.POSITIVE_INFINITY : 2_500;
const STEPS = 60;

/** Seeds at the same time, each lane with an engine of its own; beside other tests there is one. */
const LANES = Number.isFinite(COUNT) ? 2 : 1;

const engines = Array.from({ length: LANES }, () =>
  createEngine({ spawn: spawnEngineChild, recycleAfterParts: 20_000 }),
);
after(() => Promise.all(engines.map((engine) => engine.close())));

interface Tally {
  steps: number;
  past: number;
  gone: number;
  readonly done: Map<string, number>;
}

async function live(seed: number, engine: Engine, tally: Tally): Promise<void> {
  const random = seededRandom(seed);
  const world = makeWorld(random, engine);
  try {
    for (let step = 1; step <= STEPS; step++) {
      world.clock.nowMs += 1000 + random.below(60_000);
      const action = pickAction(world, random);
      world.log.push(`${step} ${new Date(world.clock.nowMs).toISOString()} ${action.name}`);
      const said = await action.run(world);
      world.log[world.log.length - 1] += `: ${said}`;
      tally.steps++;
      tally.done.set(action.name, (tally.done.get(action.name) ?? 0) + 1);
      await check(world, step, tally);
    }
    await shut(world);
    if (world.other) await shut(world.other);
  } catch (cause) {
    const rules = JSON.stringify(world.shape);
    throw new Error(`HAKIRI_SEED=${seed} HAKIRI_MODEL_COUNT=1\n${rules}\n${world.log.join('\n')}`, { cause });
  } finally {
    await shut(world).catch(() => {});
    if (world.other) await shut(world.other).catch(() => {});
    dropWorld(world);
  }
}

async function check(world: World, step: number, tally: Tally): Promise<void> {
  const store = await opened(world);
  await followSnapshot(world, store);
  await checkView(world, store);
  if (world.log.at(-1)?.includes(' fault:')) await checkFiles(world, store);
  if (step % 20 === 0) await checkAsStranger(world, store);
  if (step % 10 !== 0 && step !== STEPS) return;
  await checkRows(world, store);
  await checkExport(world, store);
  if (step === STEPS) await checkArchive(world, store);
  for (const mark of world.random.many(Math.min(2, world.marks.length), () =>
    world.random.pick(world.marks),
  )) {
    const byTime = world.isTimeOdd || world.random.chance(0.5);
    const outcome = await checkPast(world, store, byTime ? { ...mark, run: undefined } : mark);
    tally.past++;
    if (outcome === 'gone') tally.gone++;
  }
}

test('whatever happens to a store in whatever order, it holds what a plain list of versions holds', async (t) => {
  const started = performance.now();
  const tally: Tally = { steps: 0, past: 0, gone: 0, done: new Map() };
  let seeds = 0;
  const lane = async (engine: Engine): Promise<void> => {
    while (seeds < COUNT && performance.now() - started < BUDGET_MS) {
      await live(TEST_SEED + seeds++, engine, tally);
    }
  };
  await Promise.all(engines.map(lane));
  const done = [...tally.done].map(([name, count]) => `${name} ${count}`).join(', ');
  t.diagnostic(
    `${seeds} seeds from ${TEST_SEED}, ${tally.steps} steps (${done}), ${tally.past} looks back of which ${tally.gone} past the retention`,
  );
});
