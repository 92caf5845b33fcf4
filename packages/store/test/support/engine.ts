import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createEngine, type Engine } from '@hakiri/engine';

const CHILD = fileURLToPath(new URL('./engine-child.ts', import.meta.url));

export function spawnEngineChild(): ChildProcess {
  return spawn(process.execPath, [CHILD], { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** An engine over real child processes that know the store's jobs. */
export function testEngine(): Engine {
  return createEngine({ spawn: spawnEngineChild });
}
