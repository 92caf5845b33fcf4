import { spawnSync } from 'node:child_process';

/** Runs a tool of the build and gives its standard output; throws with what it said on failure. */
export function runTool(
  file: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): string {
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options,
  });
  if (status !== 0)
    throw new Error(`${file} ${args.join(' ')} failed\n${error?.message ?? ''}${stderr}${stdout}`);
  return stdout;
}
