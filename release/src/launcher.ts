import { join } from 'node:path';
import { runTool } from './command.ts';
import { RELEASE } from './paths.ts';

const FLAGS = ['-std=gnu2x', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-s'];
// The same bytes whenever and wherever it is compiled.
const REPRODUCIBLE = ['-Wl,--build-id=none', `-ffile-prefix-map=${RELEASE}=.`];

const HAKIRI = ['hakiri', 'cache', 'payload', 'remove-folder', 'sha256', 'unpack', 'versions'];
const START = ['start'];
const BOTH = ['fail', 'own-path'];

/** Compiles the program that carries the payload; the payload is appended to it. */
export function compileHakiri(outfile: string): void {
  compile([...HAKIRI, ...BOTH], outfile, ['-static', '-lzstd', '-pthread']);
}

/** Compiles the program that lies in the unpacked folder and starts what is beside it. */
export function compileStart(outfile: string, loader: string): void {
  compile([...START, ...BOTH], outfile, ['-static', `-DHAKIRI_LOADER="${loader}"`]);
}

/** Compiles the library that is loaded into the runtime to give memory back. */
export function compileIdle(outfile: string): void {
  compile(['idle'], outfile, ['-shared', '-fPIC']);
}

function compile(modules: readonly string[], outfile: string, more: readonly string[]): void {
  const sources = modules.map((name) => join('launcher', `${name}.c`));
  runTool('gcc', [...FLAGS, ...REPRODUCIBLE, '-o', outfile, ...sources, ...more], { cwd: RELEASE });
}
