import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { FIGURE_NAMES, FIGURES, type Figures, readBudgets } from '../release/src/budgets.ts';
import { DIST, ROOT } from '../release/src/paths.ts';
import { PROFILES, programName } from '../release/src/profile.ts';
import { missingTools } from '../release/src/tools.ts';
import { measureSizes, measureStarts } from './support/released-program.ts';
import { type Bar, limitBar, type Scale } from './support/report.ts';

/** The released programs, held to their budgets; the reference of times is Node doing nothing. */
export async function binary(scale: Scale): Promise<readonly Bar[]> {
  const missing = missingTools();
  if (missing.length > 0) {
    process.stderr.write(`SKIPPED binary: nothing can be built or measured without ${missing.join(', ')}\n`);
    return [];
  }
  const built = spawnSync(process.execPath, [join(ROOT, 'release/build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the release cannot be built\n${built.stderr}`);
  const budgets = readBudgets();
  const bars: Bar[] = [];
  for (const profile of PROFILES) {
    const program = join(DIST, programName(profile));
    const sizes = await measureSizes(profile, program);
    const { times, emptyNodeMs } = await measureStarts(program, scale === 'full' ? 15 : 5);
    const figures: Figures = { ...sizes, ...times };
    // Of libraries none is allowed: nothing to make a ratio of.
    for (const name of FIGURE_NAMES.filter((figure) => figure !== 'shared_libraries')) {
      const isTime = name.endsWith('_ms');
      const metric = `${profile}, ${FIGURES[name]}${isTime ? ' (reference: empty Node)' : ''}`;
      const reference = isTime ? emptyNodeMs : null;
      bars.push(limitBar('binary', metric, figures[name], budgets[profile][name], reference));
    }
  }
  return bars;
}
