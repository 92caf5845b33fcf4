import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../server/test/support/fake-clock.ts';
import type { Notify } from '../../src/daemon/notify.ts';
import { createServiceManager } from '../../src/daemon/service-manager.ts';
import { servedProject, startDaemon } from '../support/daemon.ts';

const SOCKET = '@a-manager';
const PID = 42;

/** A manager that hears what is said, and may be too busy for it. */
function listening(env: Readonly<Record<string, string>> = {}) {
  const clock = fakeClock(0);
  const heard: { readonly message: string; readonly atMs: number }[] = [];
  const logged: string[] = [];
  const world: { failure: string | undefined } = { failure: undefined };
  const startMs = clock.monotonicMs();
  const notify: Notify = (address, message) => {
    assert.equal(address, SOCKET);
    if (world.failure === undefined) heard.push({ message, atMs: clock.monotonicMs() - startMs });
    return world.failure;
  };
  const manager = createServiceManager({
    env: { NOTIFY_SOCKET: SOCKET, ...env },
    pid: PID,
    openNotify: () => notify,
    clock,
    log: { warn: (_facts: object, text?: string) => void logged.push(text ?? '') } as never,
  });
  const said = (start: string) => heard.filter(({ message }) => message.startsWith(start));
  return { clock, manager, heard, logged, said, world };
}

test('a start asks for more time again and again, until it is ready', async () => {
  const { clock, manager, heard, said } = listening();
  await clock.pass(25_000);
  assert.deepEqual(
    heard.map(({ message, atMs }) => [message, atMs]),
    [0, 10_000, 20_000].map((atMs) => ['EXTEND_TIMEOUT_USEC=30000000', atMs]),
  );
  manager.ready('Serving demo');
  assert.equal(heard.at(-1)?.message, 'READY=1\nSTATUS=Serving demo');
  await clock.pass(100_000);
  assert.equal(said('EXTEND').length, 3);
  manager.close();
});

test('what hangs is not given time for ever', async () => {
  const { clock, manager, said } = listening();
  await clock.pass(60 * 60_000);
  assert.equal(said('EXTEND').at(-1)?.atMs, 15 * 60_000 - 10_000);
  manager.close();
});

test('once it is ready the watchdog hears of it at half of its time', async () => {
  const { clock, manager, said } = listening({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: String(PID) });
  await clock.pass(5000);
  assert.deepEqual(said('WATCHDOG=1'), []);
  manager.ready('');
  await clock.pass(90_000);
  assert.deepEqual(
    said('WATCHDOG=1').map(({ atMs }) => atMs),
    [5000, 35_000, 65_000, 95_000],
  );
  manager.close();
  await clock.pass(90_000);
  assert.equal(said('WATCHDOG=1').length, 4);
});

test('a watchdog of another process, or one that is none, hears nothing', async () => {
  const usec = '60000000';
  for (const env of [
    { WATCHDOG_USEC: usec, WATCHDOG_PID: '43' },
    { WATCHDOG_USEC: '0' },
    { WATCHDOG_USEC: '-5000' },
    { WATCHDOG_USEC: '1e9' },
    { WATCHDOG_USEC: 'soon' },
    {},
  ]) {
    const { clock, manager, said } = listening(env);
    manager.ready('');
    await clock.pass(120_000);
    assert.deepEqual(said('WATCHDOG'), [], JSON.stringify(env));
    manager.close();
  }
  const { clock, manager, said } = listening({ WATCHDOG_USEC: usec });
  manager.ready('');
  await clock.pass(1000);
  assert.equal(said('WATCHDOG').length, 1, 'without an id it is for whoever reads it');
  manager.close();
});

test('a stop asks for time until it is done, and nothing is said after that', async () => {
  const { clock, manager, heard, said } = listening();
  manager.ready('Serving demo');
  await clock.pass(1000);
  manager.stopping('Stopping at the next commit of people');
  assert.equal(heard.at(-2)?.message, 'STOPPING=1\nSTATUS=Stopping at the next commit of people');
  await clock.pass(20_000);
  assert.deepEqual(
    said('EXTEND').map(({ atMs }) => atMs),
    [0, 1000, 11_000, 21_000],
  );
  manager.close();
  manager.status('late');
  await clock.pass(60_000);
  assert.equal(said('EXTEND').length, 4);
  assert.deepEqual(said('STATUS'), []);
});

test('a status is one line of limited length, and said when it changes', async () => {
  const { clock, manager, said } = listening();
  manager.status('running\na\nREADY=1');
  manager.status('running\na\nREADY=1');
  manager.status('x'.repeat(10_000));
  await clock.pass(0);
  assert.deepEqual(
    said('STATUS').map(({ message }) => message.length),
    ['STATUS=running a READY=1'.length, 507],
  );
  manager.close();
});

test('a manager that is busy hears it later; one that is gone is complained about once', async () => {
  const { clock, manager, heard, logged, world } = listening();
  await clock.pass(0);
  world.failure = 'EAGAIN';
  manager.ready('Serving demo');
  await clock.pass(350);
  assert.equal(heard.length, 1);
  world.failure = undefined;
  await clock.pass(100);
  assert.equal(heard.at(-1)?.message, 'READY=1\nSTATUS=Serving demo');
  assert.deepEqual(logged, []);

  world.failure = 'ENOENT';
  manager.status('one');
  manager.status('two');
  await clock.pass(1000);
  assert.deepEqual(logged, ['the service manager is not reached']);
  manager.close();
});

test('without a manager nothing is opened', async () => {
  const manager = createServiceManager({
    env: { WATCHDOG_USEC: '60000000' },
    pid: PID,
    openNotify: () => assert.fail('opened'),
    clock: fakeClock(0),
    log: { warn: () => assert.fail('logged') },
  });
  manager.ready('');
  manager.status('');
  manager.stopping('');
  manager.close();
});

test('a daemon that is no release says once that its manager hears nothing, and serves', async (t) => {
  if (process.env.HAKIRI_TEST_RELEASE !== undefined) return t.skip('this is a release');
  const { folder } = servedProject(t);
  const daemon = await startDaemon(t, {
    folder,
    args: ['--no-schedule'],
    env: { NOTIFY_SOCKET: `${folder}/notify`, WATCHDOG_USEC: '2000000' },
  });
  assert.equal(daemon.log().filter(({ msg }) => /manager is told nothing/.test(msg)).length, 1);
  assert.equal(await daemon.stop(), 0);
});
