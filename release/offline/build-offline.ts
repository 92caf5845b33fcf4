import { globSync } from 'node:fs';
import { runTool } from '../src/command.ts';

const FLAGS = ['-std=gnu2x', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror'];

/** Compiles the program that runs a command without a network, and names who tries to reach one. */
export function buildOffline(outfile: string): void {
  runTool('gcc', [...FLAGS, '-o', outfile, ...globSync('*.c', { cwd: import.meta.dirname })], {
    cwd: import.meta.dirname,
  });
}
