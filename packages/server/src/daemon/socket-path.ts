import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HakiriError } from '@hakiri/core';

/** Of sun_path, its ending zero byte included: 104 on macOS and BSD, 108 on Linux. */
const LONGEST_BYTES = 103;

/**
 * Where a project's daemon listens for those beside it: in the project, or, where that path is too long for a socket,
 * under its digest in a folder that is this user's alone.
 * @throws HakiriError server.port_taken when that folder is somebody else's
 */
export function socketPath(projectFolder: string, env: Readonly<Record<string, string | undefined>>): string {
  const own = join(projectFolder, '.hakiri', 'daemon.sock');
  if (Buffer.byteLength(own) <= LONGEST_BYTES) return own;
  const digest = createHash('sha256').update(projectFolder).digest('hex').slice(0, 16);
  return join(runtimeFolder(env.XDG_RUNTIME_DIR), `hakiri-${digest}.sock`);
}

/** Among files of everybody, somebody else could have made the folder that we would use. */
function runtimeFolder(given: string | undefined): string {
  const folder = given || join(tmpdir(), `hakiri-${process.getuid?.() ?? 'user'}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if ((process.getuid === undefined || uid === process.getuid()) && (mode & 0o022) === 0) return folder;
  throw new HakiriError('server.port_taken', `${folder} is not this user's alone`, {
    hint: 'Set XDG_RUNTIME_DIR to a folder that only you can write to.',
    details: { path: folder },
  });
}
