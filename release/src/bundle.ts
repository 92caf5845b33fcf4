import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from './command.ts';
import { ROOT } from './paths.ts';
import type { ReleaseProfile } from './profile.ts';

/** A module that is in a bundle: its path below the root, and what it takes. */
export interface BundledModule {
  readonly path: string;
  readonly bytes: number;
}

/**
 * The profile's program as one function in one file of ASCII, which the runtime holds in half the memory. Gives the
 * modules that went in.
 */
export function bundle(profile: ReleaseProfile, outfile: string): readonly BundledModule[] {
  const inputs = `${outfile}.inputs`;
  const entry = join(ROOT, 'packages/cli/src/entry', `${profile}.ts`);
  const script = join(ROOT, 'scripts/bundle.ts');
  runTool(
    process.execPath,
    [script, '--packed', '--entry', entry, '--outfile', outfile, '--inputs', inputs],
    {
      cwd: ROOT,
    },
  );
  const source = readFileSync(outfile, 'utf8').replace(/^#!.*\n/, '');
  writeFileSync(outfile, source.replace(/[^\0-\x7f]/g, escaped));
  chmodSync(outfile, 0o600);
  const modules = readFileSync(inputs, 'utf8').trim().split('\n');
  rmSync(inputs);
  return modules.map((line) => {
    const space = line.indexOf(' ');
    return { path: line.slice(space + 1), bytes: Number(line.slice(0, space)) };
  });
}

/** What is not ASCII is in regular expressions and texts; both know this form. */
function escaped(codeUnit: string): string {
  return `\\u${codeUnit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
