import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { createEngine, type Engine } from '@hakiri/engine';
import { programCommand, programEnvironment } from './program.ts';

/** An engine over children of the program that is tested: what they write is of its DuckDB. */
export function programEngine(): Engine {
  const { file, args } = programCommand('core');
  const env = programEnvironment(tmpdir());
  return createEngine({
    spawn: (role) => spawn(file, [...args, '__engine', role], { stdio: ['pipe', 'pipe', 'inherit'], env }),
  });
}
