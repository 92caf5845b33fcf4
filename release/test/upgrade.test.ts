import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { DIST, ROOT } from '../src/paths.ts';
import { emptyHome, type Home, must } from './support/installer.ts';
import { emptyFolder, type Outcome, run } from './support/released.ts';
import { writeRenamedRelease } from './support/sample-release.ts';

/** The built release, installed as users do; `hakiri` is found through PATH. */

function hakiri(home: Home, cwd: string, ...args: readonly string[]): Outcome {
  return run('/usr/bin/env', ['hakiri', ...args], { env: home.env, cwd });
}

function versionOf(home: Home): string {
  return hakiri(home, home.folder, '--version').stdout.split(',')[0] ?? '';
}

async function install(home: Home, from: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await home.run(args, { script: join(from, 'install.sh') });
  assert.equal(code, 0, stderr);
  return stdout;
}

function emptyProject(home: Home): string {
  const folder = join(home.folder, 'project');
  mkdirSync(folder);
  return folder;
}

interface Daemon {
  /** Asks for two issues, over HTTP. */
  ask(): Promise<string>;
  stop(): Promise<number | null>;
}

async function startDaemon(t: TestContext, home: Home, project: string): Promise<Daemon> {
  const child = spawn('hakiri', ['serve', '--port', '0'], {
    cwd: project,
    env: home.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const address = (await lines.next()).value ?? '';
  const token = ((await lines.next()).value ?? '').replace('token: ', '');
  let session: Record<string, string> = {};
  const post = async (method: string, params: object): Promise<string> => {
    const response = await fetch(address, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        ...session,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const id = response.headers.get('mcp-session-id');
    if (id !== null) session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-06-18' };
    return response.text();
  };
  await post('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  });
  const query = { table: 'github_issues', search: { text: 'memory leak', k: 2 }, select: ['number'] };
  return {
    ask: () => post('tools/call', { name: 'context_query', arguments: query }),
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
      return child.exitCode;
    },
  };
}

test('installed, upgraded under a running daemon, not downgraded, uninstalled; the store stays', async (t) => {
  const home = emptyHome(t);
  const older = await writeRenamedRelease(emptyFolder(t), 'full', '0.0.9');
  await install(home, older);
  assert.equal(versionOf(home), 'hakiri 0.0.9');
  const project = emptyProject(home);
  const ran = hakiri(home, project, 'run', 'github-issues');
  assert.equal(ran.code, 0, ran.stderr);
  const daemon = await startDaemon(t, home, project);
  assert.match(await daemon.ask(), /github_issues\/rows/);

  assert.match(await install(home, DIST), /upgraded from 0\.0\.9: /);
  assert.doesNotMatch(versionOf(home), /0\.0\.9/);
  // It starts processes of its own for the question; they are of its version.
  assert.match(await daemon.ask(), /github_issues\/rows/);
  const versions = readdirSync(join(home.folder, '.cache/hakiri')).filter((name) => name.startsWith('full-'));
  assert.equal(versions.length, 2);
  const refused = await home.run([], { script: join(older, 'install.sh') });
  assert.match(refused.stderr, /has version 0\.0\.9, which is older than \S+ in/);
  assert.equal(refused.code, 1);
  assert.equal(await daemon.stop(), 0);

  const asked = hakiri(
    home,
    project,
    'query',
    '--format',
    'csv',
    'select count(*) as issues from github_issues',
  );
  assert.equal(asked.stdout.trim(), 'issues\r\n1200');
  assert.match(hakiri(home, project, 'doctor').stderr, /The store is sound/);
  const kept = join(home.folder, '.local/share/hakiri/install.sh');
  const removed = await home.run(['--uninstall'], { script: kept });
  assert.equal(removed.code, 0, removed.stderr);
  assert.ok(!existsSync(join(home.folder, '.cache/hakiri')));
  assert.ok(!existsSync(home.program));
  assert.ok(existsSync(join(project, '.hakiri/context')));
});

test('a store of an earlier build is upgraded once by what was installed; one of a later build is refused', async (t) => {
  const home = emptyHome(t);
  await install(home, DIST);
  const project = emptyProject(home);
  must('tar', '-xzf', join(ROOT, 'packages/store/test/fixtures/agents.tar.gz'), '-C', project);
  const { answers } = JSON.parse(readFileSync(join(project, 'expected.json'), 'utf8'));
  const [{ argv, rows }] = answers;
  const ask = () => hakiri(home, project, ...argv, '--format', 'json');

  const first = ask();
  assert.match(
    first.stderr,
    /the store was upgraded from format 1 to \d+; what was changed is kept in \S+backups/,
  );
  assert.deepEqual(JSON.parse(first.stdout).rows, rows);
  const second = ask();
  assert.doesNotMatch(second.stderr, /upgraded/);
  assert.deepEqual(JSON.parse(second.stdout).rows, rows);

  const config = join(project, '.hakiri/context/demo/config.toml');
  const text = readFileSync(config, 'utf8');
  writeFileSync(config, text.replace(/format = \d+/, 'format = 99'));
  const refused = ask();
  assert.match(refused.stderr, /^error\[store\.newer_format\]: .*99/);
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
});
