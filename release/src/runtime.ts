import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RELEASE, ROOT } from './paths.ts';
import { sha256 } from './payload.ts';

/** As `sha256sum --check` reads it, in the root folder. */
const PINNED = join(RELEASE, 'node.sha256');

/**
 * package-lock.json does not lock the runtime: its package fetches another, of its own version, when it is installed.
 * Says what is another file than the one that is pinned here; empty when it is that one.
 */
export function differencesFromPinned(pinned = PINNED, root = ROOT): readonly string[] {
  const lines = readFileSync(pinned, 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const [digest = '', file = ''] = line.split(/ +/);
    const found = sha256(readFileSync(join(root, file)));
    return found === digest ? [] : [`${file}: ${digest} is pinned in release/node.sha256, it is ${found}`];
  });
}
