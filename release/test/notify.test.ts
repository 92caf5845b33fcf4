import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { emptyFolder, releasedProgram } from './support/released.ts';
import { compileTool } from './support/tool.ts';

const WATCHDOG_USEC = '400000';
/** Of an address of this kind; with its ending zero byte a path has one less. */
const LONGEST = 107;

/** Lines of what a service manager at an address hears: who said it, and what. */
async function hearing(t: TestContext, address: string) {
  const child = spawn(compileTool('hear-notes', emptyFolder(t)), [address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await once(reader, 'line');
  lines.length = 0;
  return { lines, deafen: () => child.kill('SIGSTOP') };
}

function servedFolder(t: TestContext): string {
  const folder = emptyFolder(t);
  writeFileSync(
    join(folder, 'hakiri.toml'),
    `[project]
name = "demo"

[[pipeline]]
id = "people"
source = { connector = "file", config = { path = "people.ndjson" } }
schedule = "every 15m"
tables = [{ source = "people", name = "people", primary_key = ["id"] }]
`,
  );
  writeFileSync(join(folder, 'people.ndjson'), '{"id": 1}\n');
  return folder;
}

/** A daemon in the environment that a service manager gives it. */
function serve(t: TestContext, env: Readonly<Record<string, string>>) {
  const child = spawn(`${releasedProgram('full')}-unpacked/hakiri`, ['serve', '--port', '0'], {
    cwd: servedFolder(t),
    env: { WATCHDOG_USEC, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  return { child, pid: child.pid ?? 0, log: () => log };
}

async function until(holds: () => boolean, what: () => string): Promise<void> {
  for (const deadline = performance.now() + 15_000; !holds(); await sleep(20))
    assert.ok(performance.now() < deadline, what());
}

describe('a service manager', { concurrency: true }, () => {
  test('a daemon tells its manager how it is, itself, and its children do not know of it', async (t) => {
    const address = `@hakiri-test-${process.pid}`;
    const { lines } = await hearing(t, address);
    const { child, pid, log } = serve(t, { NOTIFY_SOCKET: address });
    const heard = (message: string): number => lines.filter((line) => line === `${pid} ${message}`).length;
    await until(
      () => heard('WATCHDOG=1') >= 3 && log().includes('"run ended"'),
      () => `${lines}${log()}`,
    );
    assert.equal(lines[0], `${pid} EXTEND_TIMEOUT_USEC=30000000`);
    assert.equal(lines[1], `${pid} READY=1 STATUS=Serving demo`);
    assert.equal(heard('STATUS=Serving demo, running people'), 1);
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    );
    assert.ok(children.length > 0);
    for (const one of children)
      assert.doesNotMatch(readFileSync(`/proc/${one}/environ`, 'utf8'), /NOTIFY_SOCKET|WATCHDOG/);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(heard('STOPPING=1 STATUS=Stopping'), 1);
    assert.deepEqual(
      lines.filter((line) => !line.startsWith(`${pid} `)),
      [],
    );
  });

  test('a manager that hangs holds up no daemon, and one that is gone ends none', async (t) => {
    const folder = join(emptyFolder(t), 'x');
    const path = `${folder}${'y'.repeat(LONGEST - folder.length - 2)}`;
    mkdirSync(path);
    const address = `${path}/s`;
    assert.equal(address.length, LONGEST);
    const { lines, deafen } = await hearing(t, address);
    const { child, pid, log } = serve(t, { NOTIFY_SOCKET: address, WATCHDOG_USEC: '2000' });
    await until(
      () => lines.includes(`${pid} WATCHDOG=1`),
      () => `${lines}${log()}`,
    );
    deafen();
    await until(
      () => log().includes('"reason":"EAGAIN"'),
      () => log(),
    );
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);

    const alone = serve(t, { NOTIFY_SOCKET: '/nobody/is/here' });
    await until(
      () => alone.log().includes('"reason":"ENOENT"') && alone.log().includes('"run ended"'),
      () => alone.log(),
    );
    alone.child.kill('SIGTERM');
    assert.deepEqual(await once(alone.child, 'exit'), [0, null]);
  });

  test('an address that is none is complained about, and harms nothing', async (t) => {
    for (const address of ['vsock:2:1234', `@${'x'.repeat(LONGEST + 1)}`]) {
      const { child, log } = serve(t, { NOTIFY_SOCKET: address });
      await until(
        () => log().includes('"reason":"EINVAL"') && log().includes('"listening"'),
        () => log(),
      );
      child.kill('SIGTERM');
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    }
  });
});
