import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildOffline } from '../../offline/build-offline.ts';

export const REACHED_OUT = 90;
export const CANNOT_WATCH = 91;

/** `test(name, needsNamespaces, ...)`: where none can be had that has to be said, or the tests fail. */
export const needsNamespaces =
  process.env.HAKIRI_OFFLINE === 'unproven' ? { skip: 'SKIPPED: HAKIRI_OFFLINE=unproven' } : {};

export interface Watched {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The paragraphs of the report: what was tried, and under it by whom. */
  readonly attempts: readonly string[];
}

export interface WatchOptions {
  readonly uid?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

let built: string | undefined;

/** The program that watches, compiled once a test file. */
export function offlineProgram(): string {
  if (built !== undefined) return built;
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-offline-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  // Others than its owner run it, too.
  chmodSync(folder, 0o755);
  built = join(folder, 'offline');
  buildOffline(built);
  return built;
}

/** Runs a command offline. */
export function watch(command: readonly string[], { uid, cwd = '/', env }: WatchOptions = {}): Watched {
  const { status, stdout, stderr } = spawnSync(offlineProgram(), command, {
    encoding: 'utf8',
    timeout: 60_000,
    cwd,
    ...(env === undefined ? {} : { env }),
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const [, report = ''] = stderr.split(/^offline: \d+ attempts? to reach elsewhere$/m);
  const attempts = report.split('\n\n').map((text) => text.trim());
  return { code: status, stdout, stderr, attempts: attempts.filter((text) => text !== '') };
}
