import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** What a bench compares with, `bench/peers/NAME`, installed into the bench's own folder: no user's install carries it. */
export function peer(dataFolder: string, name: string): ReturnType<typeof createRequire> {
  const wanted = new URL(`../peers/${name}/package.json`, import.meta.url).pathname;
  const folder = join(dataFolder, 'peers', name);
  const there = join(folder, 'package.json');
  const installed = existsSync(join(folder, 'node_modules'));
  if (!installed || readFileSync(there, 'utf8') !== readFileSync(wanted, 'utf8')) {
    mkdirSync(folder, { recursive: true });
    copyFileSync(wanted, there);
    const { status } = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (status !== 0) throw new Error(`The peer of the bench "${name}" could not be installed`);
  }
  return createRequire(there);
}
