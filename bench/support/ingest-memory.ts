/**
 * A long-lived process that runs the same pipeline many times, each time into a fresh store. Prints what it added
 * to itself at most (proportional set, sampled), how it grew from run to run, and the most its whole tree took.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openProject } from '../../packages/cli/src/open-project.ts';
import { CORE_PROFILE } from '../../packages/cli/src/profile.ts';
import { createScrubber } from '../../packages/cli/src/scrub.ts';
import { processTree, pssMb } from './measure.ts';

const [folder = '', runs = '1'] = process.argv.slice(2);
const collect = globalThis.gc ?? (() => {});

const runOnce = async (): Promise<void> => {
  rmSync(join(folder, '.hakiri'), { recursive: true, force: true });
  const project = await openProject(
    folder,
    { env: { HOME: folder }, scrubber: createScrubber() },
    CORE_PROFILE,
  );
  const never = new AbortController().signal;
  try {
    const report = await project.run({
      pipelines: [],
      waitMs: 0,
      onEvent: () => {},
      stop: never,
      kill: never,
    });
    for (const { error } of report.tables) if (error) throw error;
  } finally {
    await project.close();
  }
};

collect();
const idleMb = pssMb(process.pid);
let peakMb = 0;
let treeMb = 0;
const sampler = setInterval(() => {
  try {
    peakMb = Math.max(peakMb, pssMb(process.pid));
    treeMb = Math.max(
      treeMb,
      processTree(process.pid).reduce((sum, pid) => sum + pssMb(pid), 0),
    );
  } catch {
    // A child that ended while we looked.
  }
}, 20);
const after: number[] = [];
for (let run = 0; run < Number(runs); run++) {
  await runOnce();
  collect();
  after.push(pssMb(process.pid));
}
clearInterval(sampler);
console.log(
  JSON.stringify({
    runs: after.length,
    addedMb: peakMb - idleMb,
    driftMb: (after.at(-1) ?? 0) - (after[1] ?? 0),
    treeMb,
    idleMb,
    after: after.map(Math.round),
  }),
);
