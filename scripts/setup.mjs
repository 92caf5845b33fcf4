// Installs the dependencies when they are missing or older than the lock file. Runs under Node 20 with nothing
// installed, so it is plain JavaScript and imports nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const lockFile = join(root, 'package-lock.json');
const installedLockFile = join(root, 'node_modules', '.package-lock.json');

if (!isInstalled()) install();

/**
 * npm writes the lock of what it installed into node_modules. Every package our lock wants on this machine must be
 * there in the same version; optional packages for other machines are in neither.
 */
function isInstalled() {
  if (!existsSync(installedLockFile)) return false;
  const wanted = JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedLockFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/') || entry.link === true) return true;
    const found = installed[path];
    return found === undefined ? entry.optional === true || entry.peer === true : sameVersion(found, entry);
  });
}

function sameVersion(a, b) {
  return a.version === b.version && a.integrity === b.integrity;
}

/**
 * npm under the pinned Node: under an older one it skips, without a word, optional packages whose engines exclude it.
 * Not `npm ci`: it refuses a lock that lacks an optional package of another platform, and npm leaves those out of the
 * lock wherever the registry in use does not carry them. Versions come from the lock all the same, and nothing is saved.
 */
function install() {
  const node = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node;
  console.error(`Installing dependencies with Node ${node} ...`);
  const result = spawnSync(
    'npx',
    ['-y', '-p', `node@${node}`, 'npm', 'install', '--no-save', '--no-audit', '--no-fund'],
    {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (result.status === 0 && existsSync(installedLockFile)) return;
  process.stderr.write(result.stdout ?? '');
  process.stderr.write(result.stderr ?? '');
  console.error(
    result.error === undefined
      ? `error: npm install ended with ${result.status ?? result.signal}. Check the network and the disk, then run the command again.`
      : `error: npx could not be started (${result.error.message}). Is npm installed?`,
  );
  process.exit(1);
}
