import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sha256 } from '../src/payload.ts';
import { emptyHome, type Home, SYSTEM_PATH, whereIs } from './support/installer.ts';
import { emptyFolder, run } from './support/released.ts';
import { INSTALLER, writeSampleRelease } from './support/sample-release.ts';

const CHANGING = ['chmod', 'cp', 'mkdir', 'mv', 'rm', 'rmdir', 'sync'];

/**
 * A PATH whose tools that change files count themselves and kill the installation before one of them. What the shell
 * itself writes lies between two of them.
 */
function countingTools(t: TestContext): { readonly path: string; readonly counter: string } {
  const folder = emptyFolder(t);
  const counter = join(folder, 'count');
  for (const tool of CHANGING)
    writeFileSync(
      join(folder, tool),
      `#!/bin/sh
echo "${tool} $*" >>"${counter}"
[ "$(wc -l <"${counter}")" != "$KILL_AT" ] || kill -9 0
exec ${whereIs(tool)} "$@"
`,
      { mode: 0o755 },
    );
  return { path: `${folder}:${SYSTEM_PATH}`, counter };
}

/** Runs install.sh in a process group of its own, which the tools kill. */
async function runUntilKilled(
  home: Home,
  args: readonly string[],
  path: string,
  killAt: number,
): Promise<boolean> {
  const child = spawn('sh', [INSTALLER, ...args], {
    env: { ...home.env, PATH: path, KILL_AT: String(killAt) },
    detached: true,
    stdio: 'ignore',
  });
  await once(child, 'close');
  return child.signalCode === 'SIGKILL';
}

function sumOf(release: string): string {
  return sha256(readFileSync(join(release, 'hakiri')));
}

function leftovers(home: Home): readonly string[] {
  const folder = dirname(home.program);
  return existsSync(folder) ? readdirSync(folder).filter((name) => name !== 'hakiri') : [];
}

for (const before of [undefined, '1.0.0']) {
  const what = before === undefined ? 'a first installation' : 'an upgrade';

  test(`${what} killed at any step leaves the old or the new, and is finished by the next`, async (t) => {
    const older =
      before === undefined ? undefined : await writeSampleRelease(emptyFolder(t), { version: before });
    const newer = await writeSampleRelease(emptyFolder(t), { version: '2.0.0' });
    const allowed = [older === undefined ? undefined : sumOf(older), sumOf(newer)];
    let killed = true;
    for (let step = 1; killed; step++) {
      const home = emptyHome(t);
      if (older !== undefined) await home.run(['--from', older]);
      const { path, counter } = countingTools(t);
      killed = await runUntilKilled(home, ['--from', newer], path, step);
      const where = `killed before ${readFileSync(counter, 'utf8').trimEnd().split('\n').at(-1)}`;
      assert.ok(allowed.includes(home.installed()), where);
      if (home.installed() !== undefined)
        assert.equal(run(home.program, [], { env: home.env }).code, 0, where);
      // Every third is uninstalled as it is.
      if (step % 3 === 0) {
        await home.run(['--uninstall']);
        assert.equal(home.installed(), undefined, where);
        continue;
      }
      const again = await home.run(['--from', newer]);
      assert.equal(again.code, 0, `${where}\n${again.stderr}`);
      assert.equal(home.installed(), sumOf(newer), where);
      assert.deepEqual(leftovers(home), [], where);
      const recorded = new Set(home.record().map((line) => line.split(' ')[3]));
      assert.deepEqual([...recorded].sort(), ['full', 'script'], where);
      assert.ok(home.files().includes('.local/share/hakiri/install.sh'), where);
    }
  });
}

test('uninstalling that was killed at any step is finished by the next', async (t) => {
  const release = await writeSampleRelease(emptyFolder(t), { version: '1.0.0' });
  let killed = true;
  for (let step = 1; killed; step++) {
    const home = emptyHome(t);
    await home.run(['--from', release]);
    killed = await runUntilKilled(home, ['--uninstall'], countingTools(t).path, step);
    const again = await home.run(['--uninstall']);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(
      home.files().filter((name) => !name.startsWith('.cache/')),
      [],
    );
  }
});

test('an installation that is stopped by a signal clears away what it began', async (t) => {
  const home = emptyHome(t);
  const release = await writeSampleRelease(emptyFolder(t), { version: '1.0.0' });
  const tools = emptyFolder(t);
  const reached = join(tools, 'reached');
  writeFileSync(join(tools, 'chmod'), `#!/bin/sh\n: >${reached}\nsleep 30\n`, { mode: 0o755 });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const child = spawn('sh', [INSTALLER, '--from', release], {
      env: { ...home.env, PATH: `${tools}:${SYSTEM_PATH}` },
      detached: true,
      stdio: 'ignore',
    });
    while (!existsSync(reached)) await new Promise((resolve) => setTimeout(resolve, 10));
    process.kill(-(child.pid ?? 0), signal);
    const [code] = await once(child, 'close');
    assert.deepEqual([code, home.files()], [{ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal], []]);
    run('/bin/rm', [reached]);
  }
});

test('an installation to whose output nobody listens is finished', async (t) => {
  const home = emptyHome(t);
  const release = await writeSampleRelease(emptyFolder(t), { version: '1.0.0' });
  run('/bin/sh', ['-c', `sh ${INSTALLER} --from ${release} 2>&1 | true`], { env: home.env });
  assert.equal(home.installed(), sumOf(release));
  assert.deepEqual(leftovers(home), []);
  assert.equal(home.record().length, 2);
});

test('installations at once wait for each other, and what is installed is on record', async (t) => {
  const home = emptyHome(t);
  const releases = await Promise.all(
    ['1.0.0', '2.0.0'].map((version) => writeSampleRelease(emptyFolder(t), { version })),
  );
  mkdirSync(dirname(home.program), { recursive: true });
  const outcomes = await Promise.all([0, 1, 0, 1, 1, 0].map((i) => home.run(['--from', releases[i] ?? ''])));
  for (const { code, stderr } of outcomes)
    if (code !== 0) assert.match(stderr, /1\.0\.0, which is older than 2\.0\.0/);
  assert.equal(home.installed(), sumOf(releases[1] ?? ''));
  assert.deepEqual(leftovers(home), []);
  assert.deepEqual(
    home.record().map((line) =>
      line
        .split(' ')
        .slice(1, 2)
        .concat(line.split(' ')[3] ?? ''),
    ),
    [
      ['2.0.0', 'full'],
      ['2.0.0', 'script'],
    ],
  );
});
