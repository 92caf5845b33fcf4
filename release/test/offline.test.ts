import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { emptyFolder, needsRoot } from './support/released.ts';
import {
  CANNOT_WATCH,
  needsNamespaces,
  offlineProgram,
  REACHED_OUT,
  type Watched,
  watch,
} from './support/watch-offline.ts';

const NOBODY = 65_534;

const watchScript = (script: string): Watched => watch([process.execPath, '--eval', script]);

/** Tells on standard output how it ended, and ends well: it is not the command's failing that is noticed. */
const connect = (port: number, host: string): string =>
  `require('node:net').connect(${port}, '${host}').on('error', ({ code }) => console.log(code))`;

describe('what is run offline', needsNamespaces, () => {
  test('ends as it ends', () => {
    const { code, stdout, stderr } = watch(['sh', '-c', 'echo said; exit 3']);
    assert.deepEqual([code, stdout, stderr], [3, 'said\n', '']);
    assert.equal(watch(['sh', '-c', 'kill -9 $$']).code, 137);
    assert.equal(watch(['/no/such/program']).code, 127);
  });

  test('talks to servers of its own, by address and by name', () => {
    const { code, stdout, stderr } = watchScript(`
      const server = require('node:http').createServer((_, response) => response.end('here'));
      server.listen(0, '::', async () => {
        for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]'])
          console.log(await (await fetch('http://' + host + ':' + server.address().port)).text());
        server.close();
      });
      const socket = require('node:dgram').createSocket('udp4');
      socket.on('message', (message) => { console.log(String(message)); socket.close(); });
      socket.bind(0, '127.0.0.1', () => socket.send('datagram', socket.address().port, '127.0.0.1'));`);
    assert.equal(stderr, '');
    assert.deepEqual([code, stdout.split('\n').sort()], [0, ['', 'datagram', ...Array(4).fill('here')]]);
  });

  for (const host of ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1']) {
    test(`is named when it connects to ${host}, however well it ends`, () => {
      const { code, stdout, attempts } = watchScript(connect(443, host));
      assert.deepEqual([code, stdout], [REACHED_OUT, 'ENETUNREACH\n']);
      const [attempt = ''] = attempts;
      assert.equal(attempts.length, 1);
      const address = host.includes(':') ? `[${host}]` : host;
      assert.ok(attempt.startsWith(`connected to ${address}:443\n    by process `), attempt);
      assert.ok(attempt.includes(connect(443, host)), attempt);
    });
  }

  test('is named when it sends a datagram', () => {
    const { code, attempts } = watchScript(`
      const socket = require('node:dgram').createSocket('udp4');
      socket.send('x', 9, '198.51.100.7', () => socket.close());`);
    assert.equal(code, REACHED_OUT);
    assert.match(attempts.join(), /^sent to 198\.51\.100\.7:9\n {4}by process \d+: .*dgram/);
  });

  test('is named, and so is the name, when it asks for one', () => {
    const script = "require('node:dns').lookup('telemetry.example.org', () => {})";
    const { code, attempts } = watchScript(script);
    assert.equal(code, REACHED_OUT);
    assert.match(attempts[0] ?? '', /^asked \S+:53 for the name telemetry\.example\.org \(A\)/);
    assert.ok(attempts.some((attempt) => /telemetry\.example\.org \(AAAA\)/.test(attempt)));
    for (const attempt of attempts) assert.ok(attempt.includes(script), attempt);
  });

  test('is named when it asks a resolver on this machine', () => {
    const { code, attempts } = watchScript(`
      const { Resolver } = require('node:dns');
      const resolver = new Resolver({ tries: 1 });
      resolver.setServers(['127.0.0.53']);
      resolver.resolveTxt('version.example.org', () => {});`);
    assert.equal(code, REACHED_OUT);
    assert.match(attempts.join(), /^asked 127\.0\.0\.53:53 for the name version\.example\.org \(TXT\)/);
  });

  test('is named when it asks over TCP', () => {
    const { code, attempts } = watchScript(connect(53, '127.0.0.1'));
    assert.equal(code, REACHED_OUT);
    assert.match(attempts.join(), /^connected, to ask for a name, to 127\.0\.0\.1:53\n/);
  });

  test('is named with those who started it, also when they ended before', () => {
    const late = `setTimeout(() => { ${connect(80, '192.0.2.9')} }, 300)`;
    const start = `require('node:child_process').spawn(process.execPath, ['--eval', process.env.LATE], { detached: true, stdio: 'ignore' }).unref()`;
    const { code, attempts } = watch([
      'env',
      `LATE=${late}`,
      'sh',
      '-c',
      `"$0" --eval "$1"; exit 0`,
      process.execPath,
      start,
    ]);
    assert.equal(code, REACHED_OUT);
    const [attempt = ''] = attempts;
    const [what, culprit = '', parent = '', grandparent = ''] = attempt.split('\n');
    assert.equal(what, 'connected to 192.0.2.9:80');
    assert.match(culprit, /by process \d+: .*'setTimeout.*192\.0\.2\.9/);
    assert.match(parent, /started by \d+: .* --eval .*child_process/);
    assert.match(grandparent, /started by \d+: sh -c /);
  });

  test('is named once with how often it tried', () => {
    const { attempts } = watchScript(`for (const _ of [1, 2, 3]) ${connect(80, '192.0.2.1')}`);
    assert.match(attempts.join(), /^connected to 192\.0\.2\.1:80, 3 times\n/);
  });

  test('finds the ways round closed', (t) => {
    const program = join(emptyFolder(t), 'ways-round');
    const source = join(import.meta.dirname, 'support/ways-round.c');
    const compiled = spawnSync('gcc', ['-O2', '-Wall', '-Werror', '-o', program, source], {
      encoding: 'utf8',
    });
    assert.equal(compiled.status, 0, compiled.stderr);
    const { code, stdout } = watch([program]);
    assert.equal(code, 0);
    const ways = stdout.trim().split('\n');
    assert.ok(ways.length >= 1);
    for (const way of ways) assert.match(way, /: Function not implemented$/);
  });

  test('leaves nothing running', () => {
    const { code, stdout } = watch(['sh', '-c', 'sleep 60 & echo $!']);
    assert.equal(code, 0);
    assert.throws(() => process.kill(Number(stdout), 0), { code: 'ESRCH' });
  });

  test('needs no root, and stays who it was', needsRoot, () => {
    const who = watch(['id', '-u'], { uid: NOBODY });
    assert.deepEqual([who.code, who.stdout], [0, `${NOBODY}\n`], who.stderr);
    const { code, attempts } = watch(['bash', '-c', '>/dev/tcp/192.0.2.1/80'], { uid: NOBODY });
    assert.equal(code, REACHED_OUT);
    assert.match(attempts.join(), /^connected to 192\.0\.2\.1:80\n {4}by process \d+: bash -c /);
  });

  test('is not run where it cannot be watched', () => {
    const { code, stdout, stderr } = watch([offlineProgram(), 'echo', 'run']);
    assert.deepEqual([code, stdout], [CANNOT_WATCH, '']);
    assert.match(stderr, /^offline: system calls cannot be watched: Device or resource busy\n$/);
  });
});
