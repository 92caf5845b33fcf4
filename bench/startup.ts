import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, millisecondsUntil } from './support/measure.ts';
import { type Bar, limitBar, type Scale } from './support/report.ts';

const BUNDLE = new URL('../dist/hakiri.mjs', import.meta.url).pathname;

/** From the start of the process, out of the bundle; the reference is Node itself doing nothing. */
export async function startup(scale: Scale): Promise<readonly Bar[]> {
  const rounds = scale === 'full' ? 15 : 5;
  const node: number[] = [];
  const help: number[] = [];
  const record: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const cwd = mkdtempSync(join(tmpdir(), 'hakiri-start-'));
    const env = { ...process.env, HOME: cwd };
    node.push(await millisecondsUntil(process.execPath, ['-e', '0'], { cwd, env }));
    help.push(await millisecondsUntil(process.execPath, [BUNDLE, '--help'], { cwd, env }));
    // Rows are reported once they are committed: the first record has been there for a while then.
    record.push(
      await millisecondsUntil(process.execPath, [BUNDLE, 'run', 'github-issues'], {
        cwd,
        env,
        text: 'committed',
      }),
    );
    rmSync(cwd, { recursive: true, force: true });
  }
  return [
    limitBar(
      'startup',
      'ms, run github-issues to its first records committed (reference: empty Node)',
      median(record),
      1000,
      median(node),
    ),
    limitBar('startup', 'ms, --help (reference: empty Node)', median(help), 150, median(node)),
  ];
}
