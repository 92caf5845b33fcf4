import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createEngine, type Engine } from '../../src/index.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));

export function spawnEngineChild(): ChildProcess {
  return spawn(process.execPath, [CHILD], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** An engine over real child processes, without the command line around it. */
export function testEngine(): Engine {
  return createEngine({ spawn: spawnEngineChild });
}
