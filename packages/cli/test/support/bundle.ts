import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../../..');

export type ProfileName = 'core' | 'full';

const built = new Map<ProfileName, string>();

/**
 * The program as one file: it starts in half the time that the source takes. `npm test` has built it already; a test
 * file that is run alone builds its own. It lies below node_modules because native modules are looked up from there.
 */
export function bundledProgram(profile: ProfileName = 'full'): string {
  const program = built.get(profile) ?? ready(profile) ?? build(profile);
  built.set(profile, program);
  return program;
}

function ready(profile: ProfileName): string | undefined {
  const folder = process.env.HAKIRI_TEST_PROGRAMS;
  const file = join(folder ?? '', `${profile}.mjs`);
  return folder !== undefined && existsSync(file) ? file : undefined;
}

function build(profile: ProfileName): string {
  const folder = join(ROOT, 'node_modules/.cache/hakiri-test', String(process.pid));
  mkdirSync(folder, { recursive: true });
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, `${profile}.mjs`);
  const entry = join(ROOT, `packages/cli/src/entry/${profile}.ts`);
  const args = [join(ROOT, 'scripts/bundle.ts'), '--entry', entry, '--outfile', file];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the bundle cannot be built: ${stderr}`);
  return file;
}
