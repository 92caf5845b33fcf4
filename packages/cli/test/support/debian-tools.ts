import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { emptyFolder } from './harness.ts';
import { writeProgramShim } from './program.ts';
import { skipLoudly } from './skip-loudly.ts';

const INSTALL = join(import.meta.dirname, '../../../../scripts/install-servers.sh');

/** Whether the tools are there, installed if need be; otherwise the test is skipped. */
export function hasTools(t: TestContext, ...tools: readonly string[]): boolean {
  const missing = () => tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing().length > 0 && process.getuid?.() === 0) spawnSync('sh', [INSTALL], { stdio: 'inherit' });
  if (missing().length === 0) return true;
  skipLoudly(t, `${missing().join(', ')} cannot be installed here`);
  return false;
}

/** A folder with the program as a command `hakiri`, to put on the PATH. */
export function commandFolder(t: TestContext): string {
  const folder = emptyFolder(t, 'bin');
  writeProgramShim(join(folder, 'hakiri'));
  return folder;
}
