import { join } from 'node:path';
import { runTool } from '../../src/command.ts';
import { RELEASE } from '../../src/paths.ts';

const FLAGS = ['-std=gnu2x', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror'];

/** Compiles a tool that lies here as `NAME.c`, with modules of the launcher where it needs them; gives its path. */
export function compileTool(
  name: string,
  folder: string,
  more: { readonly launcher: readonly string[]; readonly flags: readonly string[] } = {
    launcher: [],
    flags: [],
  },
): string {
  const tool = join(folder, name);
  const launcher = join(RELEASE, 'launcher');
  const modules = more.launcher.map((module) => join(launcher, `${module}.c`));
  const source = join(import.meta.dirname, `${name}.c`);
  runTool('gcc', [...FLAGS, `-I${launcher}`, '-o', tool, source, ...modules, ...more.flags]);
  return tool;
}
