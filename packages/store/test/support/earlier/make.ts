import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { answered, type Expected, inCatalog, questions } from './questions.ts';
import { BUILDS, type Build, hasWhat, manifest, NOWHERE, serveRows } from './served-rows.ts';

/**
 * `make.ts BUILD CHECKOUT`: has the program of an earlier checkout, installed, make a small store, asks it what the
 * store answers, and packs both as `test/fixtures/BUILD.tar.gz`. Run as root: the program gets a host name of its own.
 */
const [build, checkout] = process.argv.slice(2) as [Build, string];
if (!BUILDS.includes(build) || !checkout) throw new Error('usage: make.ts BUILD CHECKOUT');
const entries = ['full.ts', 'core.ts'].map((name) => join(resolve(checkout), 'packages/cli/src/entry', name));
const program = entries.find((path) => existsSync(path)) ?? '';
const folder = mkdtempSync(join(tmpdir(), 'store-of-'));
const home = mkdtempSync(join(tmpdir(), 'home-of-'));
const server = await serveRows(build);

/** An audit log names the machine: this one's name is nobody's business. */
const AS_BUILDER = 'hostname builder && exec "$0" "$@"';

async function hakiri(...argv: readonly string[]): Promise<string> {
  const child = spawn('unshare', ['--uts', 'sh', '-c', AS_BUILDER, process.execPath, program, ...argv], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((done) => child.on('close', done)),
  ]);
  if (code !== 0) throw new Error(`hakiri ${argv.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

async function run(phase: number): Promise<void> {
  server.phase = phase;
  await hakiri('run');
}

writeFileSync(join(folder, 'hakiri.toml'), manifest(build, server.origin));
await run(1);
await run(2);
if (hasWhat(build, 'snapshots')) await hakiri('compact');
await run(3);
if (hasWhat(build, 'search')) {
  for (const what of ['The kites nest in the old oak.', 'Herons come at dawn.']) {
    await hakiri('memory', 'write', '--subject', 'birds', what);
  }
}
if (hasWhat(build, 'agents')) {
  await hakiri('token', 'issue', '--agent', 'watcher', '--table', 'events', '--action', 'read');
}
const { catalog, cursors, runs } = inCatalog(join(folder, '.hakiri/context/demo/meta.sqlite'));
const answers = [];
for (const argv of questions(build, runs)) answers.push(answered(argv, await hakiri(...argv, '--json')));
const expected: Expected = {
  build,
  catalog,
  cursors,
  answers,
  ...(hasWhat(build, 'search') ? { memory: memoryTexts(await hakiri('memory', 'search', '--json')) } : {}),
};
await server.close();
writeFileSync(join(folder, 'expected.json'), `${JSON.stringify(expected, null, 1)}\n`);

function memoryTexts(json: string): readonly string[] {
  return (JSON.parse(json) as { items: { text: string }[] }).items.map((item) => item.text);
}

const toml = join(folder, 'hakiri.toml');
writeFileSync(toml, readFileSync(toml, 'utf8').replaceAll(new URL(server.origin).host, NOWHERE));
// What is local to the machine it was made on stays there.
rmSync(join(folder, '.hakiri/cache'), { recursive: true, force: true });
const local = [`"${hostname()}"`, folder, home, resolve(checkout), new URL(server.origin).host];
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const held = readFileSync(join(entry.parentPath, entry.name)).toString('latin1');
  const found = local.find((word) => held.includes(word));
  if (found !== undefined) throw new Error(`${entry.name} names ${found}`);
}
const archive = join(import.meta.dirname, '../../fixtures', `${build}.tar.gz`);
const names = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name', '-C', folder];
execFileSync('tar', ['-czf', archive, ...names, '.hakiri', 'expected.json', 'hakiri.toml']);
for (const made of [folder, home]) rmSync(made, { recursive: true, force: true });
console.log(`${archive}: format 1, catalog ${catalog}, ${answers.length} answers`);
