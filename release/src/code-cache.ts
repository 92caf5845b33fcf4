import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from './command.ts';
import { RELEASE } from './paths.ts';

/** With these the same code gives the same bytes each time: names are hashed alike, and no code is thrown away. */
const STEADY = ['--hash-seed=1', '--random-seed=1', '--no-flush-bytecode', '--predictable'];

/** V8's header of cached code: the last word of the first 16 bytes is a hash of the flags it was compiled with. */
const HEADER_BYTES = 16;

/**
 * Writes the compiled code of the functions that usual commands need. `node` starts the runtime that will read it:
 * V8 takes only what the same build of it made, for the same kind of processor.
 */
export function writeCodeCache(node: readonly [string, ...string[]], bundle: string, outfile: string): void {
  const [file, ...words] = node;
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-cache-'));
  const write = (flags: readonly string[], target: string): Buffer => {
    const env = { PATH: process.env.PATH, HOME: folder };
    const script = join(RELEASE, 'src/compile-functions.cjs');
    runTool(file, [...words, ...flags, script, bundle, target], { cwd: folder, env });
    return readFileSync(target);
  };
  try {
    const steady = write(STEADY, join(folder, 'steady'));
    if (!steady.equals(write(STEADY, join(folder, 'again'))))
      throw new Error('the cached code is another each time: a command that was run waits');
    const usual = write([], join(folder, 'usual'));
    // The flags above change nothing about what is compiled, so that the code is good for a process without them.
    writeFileSync(outfile, Buffer.concat([usual.subarray(0, HEADER_BYTES), steady.subarray(HEADER_BYTES)]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
