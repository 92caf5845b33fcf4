import { join } from 'node:path';
import { type Clock, type Files, isUlid, type NodeId } from '@hakiri/core';
import { ulid } from 'ulid';
import type { Environment } from './output.ts';

/**
 * The id of this install, made on first need. It belongs to the machine's user, not to the store: a store that is
 * copied elsewhere is written there under another id. Without a home it belongs to the store's cache.
 */
export async function readNodeId(
  files: Files,
  clock: Clock,
  env: Environment,
  storeRoot: string,
): Promise<NodeId> {
  const places = [stateFolder(env), join(storeRoot, 'cache')].filter((place) => place !== undefined);
  for (const place of places) {
    const known = await readId(files, join(place, 'node-id'));
    if (known) return known;
  }
  const made = ulid(clock.nowMs()) as NodeId;
  for (const place of places) {
    try {
      await files.makeFolder(place);
      await files.write(join(place, 'node-id'), `${made}\n`, 0o600);
      break;
    } catch {
      // A home that cannot be written to: the next place will do.
    }
  }
  return made;
}

function stateFolder({ XDG_STATE_HOME, HOME }: Environment): string | undefined {
  if (XDG_STATE_HOME) return join(XDG_STATE_HOME, 'hakiri');
  return HOME ? join(HOME, '.local', 'state', 'hakiri') : undefined;
}

async function readId(files: Files, path: string): Promise<NodeId | undefined> {
  if (!(await files.stat(path))) return undefined;
  const text = (await files.readText(path)).trim();
  return isUlid(text) ? (text as NodeId) : undefined;
}
