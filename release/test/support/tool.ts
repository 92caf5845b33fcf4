import { join } from 'node:path';
import { runTool } from '../../src/command.ts';

/** Compiles a tool that lies here as `NAME.c`; gives its path. */
export function compileTool(name: string, folder: string): string {
  const tool = join(folder, name);
  const source = join(import.meta.dirname, `${name}.c`);
  runTool('gcc', ['-std=gnu2x', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', '-o', tool, source]);
  return tool;
}
