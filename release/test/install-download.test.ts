import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sha256 } from '../src/payload.ts';
import { emptyHome, type Home, must, pathWith, SHELLS, whereIs } from './support/installer.ts';
import { emptyFolder } from './support/released.ts';
import { INSTALLER, writeSampleRelease } from './support/sample-release.ts';

/** Serves the files of a folder. */
function filesOf(folder: string): RequestListener {
  return (request, response) => {
    const file = join(folder, request.url ?? '');
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end('nothing here');
  };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(t, createServer(listener))}`;
}

function assertNothingInstalled(home: Home): void {
  assert.deepEqual(home.files(), []);
}

/** With what else they need to verify checksums. */
const DOWNLOADERS = ['curl', 'wget', 'wget=busybox'].filter((tool) => whereIs(tool.split('=').at(-1) ?? ''));

for (const tool of DOWNLOADERS) {
  test(`downloads with ${tool}`, async (t) => {
    const home = emptyHome(t);
    const release = await writeSampleRelease(emptyFolder(t), { version: '1.0.0' });
    const from = await serve(t, filesOf(release));
    const env = { PATH: pathWith(t, 'sha256sum', tool), http_proxy: 'http://127.0.0.1:1' };
    const { code, stdout, stderr } = await home.run(['--from', `${from}/`], { env });
    assert.equal(code, 0, stdout + stderr);
    assert.equal(home.installed(), sha256(readFileSync(join(release, 'hakiri'))));
  });

  test(`with ${tool}, what is cut short, changed or missing is not installed`, async (t) => {
    const home = emptyHome(t);
    const release = await writeSampleRelease(emptyFolder(t), { version: '1.0.0' });
    const env = { PATH: pathWith(t, 'sha256sum', tool) };
    const whole = filesOf(release);
    const program = readFileSync(join(release, 'hakiri'));
    const spoiled: readonly (readonly [string, RequestListener, RegExp])[] = [
      ['/hakiri', (_, response) => response.end(program.subarray(0, -1)), /hakiri of \S+ has the checksum/],
      [
        '/hakiri',
        (_, response) => {
          response.writeHead(200, { 'content-length': program.length });
          response.write(program.subarray(0, 100_000), () => response.destroy());
        },
        /hakiri (cannot be had|of \S+ has the checksum)/,
      ],
      ['/hakiri', (_, response) => response.writeHead(404).end(), /hakiri cannot be had/],
      ['/RELEASE', (_, response) => response.writeHead(500).end(), /RELEASE cannot be had/],
      ['/SHA256SUMS', (_, response) => response.writeHead(404).end('hakiri'), /SHA256SUMS cannot be had/],
      ['/SHA256SUMS', (_, response) => response.end('<html>'), /has no checksum of RELEASE/],
    ];
    for (const [path, spoil, said] of spoiled) {
      const from = await serve(t, (request, response) =>
        (request.url === path ? spoil : whole)(request, response),
      );
      const { code, stderr } = await home.run(['--from', from], { env });
      assert.match(stderr, said);
      assert.equal(code, 1);
      assertNothingInstalled(home);
    }
  });
}

for (const shell of SHELLS) {
  test(`${shell.join(' ')}: the script through a pipe installs, and is kept to uninstall`, async (t) => {
    const home = emptyHome(t);
    const release = await writeSampleRelease(emptyFolder(t), { version: '1.0.0' });
    const from = await serve(t, filesOf(release));
    const input = readFileSync(INSTALLER);
    const piped = await home.run(['--', '--from', from], { shell, script: '-s', input });
    assert.equal(piped.code, 0, piped.stderr);
    const undo = /^to undo: sh (\S+) (.*)$/m.exec(piped.stdout);
    const undone = await home.run((undo?.[2] ?? '').split(' '), { shell, script: undo?.[1] ?? '' });
    assert.equal(undone.code, 0, undone.stderr);
    assertNothingInstalled(home);

    const withoutSource = await home.run([], { shell, script: '-s', input });
    assert.match(
      withoutSource.stderr,
      /there is no release beside this script\nhint: Say where it is: --from/,
    );
    assert.equal(withoutSource.code, 2);
  });
}

test('a version is taken from its own folder', async (t) => {
  const home = emptyHome(t);
  const releases = emptyFolder(t);
  await writeSampleRelease(releases, { version: '1.1.0' });
  await writeSampleRelease(join(releases, '1.0.0'), { version: '1.0.0' });
  const from = await serve(t, filesOf(releases));
  const { stdout } = await home.run(['--from', from, '--version', '1.0.0']);
  assert.match(stdout, /installed \S+ \(1\.0\.0, /);
  const newest = await home.run(['--from', from, '--version', '1.1.0']);
  assert.match(newest.stdout, /upgraded from 1\.0\.0: /);
  const none = await home.run(['--from', from, '--version', '1.2.0']);
  assert.match(none.stderr, /has version 1\.1\.0, and not 1\.2\.0/);
});

test('without encryption nothing is taken from elsewhere, however the address is written', async (t) => {
  const home = emptyHome(t);
  for (const [from, said] of [
    ['http://example.com/hakiri', /is not encrypted\nhint: Use https/],
    ['http://localhost.example.com/', /is not encrypted/],
    ['http://127.0.0.1.example.com', /is not encrypted/],
    ['http://127.0.0.1@example.com/', /is not an address of the form/],
    ['http://127.0.0.1:80@example.com/', /is not an address of the form/],
    ['http://127.0.0.1\\@example.com/', /is not an address of the form/],
    ['https://example.com/a?b', /is not an address of the form/],
    ['https:///path', /is not an address of the form/],
    ['ftp://example.com/', /is neither a folder nor an https address/],
    ['file:///tmp', /is neither a folder nor an https address/],
  ] as const) {
    const { code, stderr } = await home.run(['--from', from]);
    assert.match(stderr, said);
    assert.equal(code, 2);
  }
  assertNothingInstalled(home);
});

test('without anything to download with, it says so', async (t) => {
  const home = emptyHome(t);
  const env = { PATH: pathWith(t, 'sha256sum') };
  const { code, stderr } = await home.run(['--from', 'https://127.0.0.1:1/'], { env });
  assert.match(stderr, /there is nothing to download with\nhint: Install curl, or download by hand/);
  assert.equal(code, 1);
});

test('a wget that does not verify certificates is not used for https', {
  skip: whereIs('busybox') ? false : 'SKIPPED: busybox is not installed',
}, async (t) => {
  const home = emptyHome(t);
  const env = { PATH: pathWith(t, 'sha256sum', 'wget=busybox') };
  const { code, stderr } = await home.run(['--from', 'https://127.0.0.1:1/'], { env });
  assert.match(stderr, /this wget does not verify certificates\nhint: Install curl/);
  assert.equal(code, 1);
});

test('certificates are verified, and nothing leads from https to http', {
  skip: whereIs('openssl') ? false : 'SKIPPED: openssl is not installed',
}, async (t) => {
  const home = emptyHome(t);
  const release = await writeSampleRelease(emptyFolder(t), { version: '1.0.0' });
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(emptyFolder(t), name)) as [string, string];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  must('openssl', 'req', '-x509', '-nodes', '-days', '2', ...curve, '-keyout', key, '-out', cert, ...subject);
  const identity = { key: readFileSync(key), cert: readFileSync(cert) };
  const secure = async (listener: RequestListener) =>
    `https://127.0.0.1:${await listen(t, createSecureServer(identity, listener))}`;
  const from = await secure(filesOf(release));

  for (const tool of ['curl', 'wget'].filter((one) => whereIs(one))) {
    const env = { PATH: pathWith(t, 'sha256sum', tool), HOME: home.folder };
    const { code, stderr } = await home.run(['--from', from], { env });
    assert.match(stderr, /SHA256SUMS cannot be had from https:/);
    assert.equal(code, 1);
    assertNothingInstalled(home);
  }
  const trusting = { PATH: pathWith(t, 'sha256sum', 'curl'), CURL_CA_BUNDLE: cert };
  const plain = await serve(t, filesOf(release));
  const redirecting = await secure((request, response) =>
    response.writeHead(302, { location: `${plain}${request.url}` }).end(),
  );
  const redirected = await home.run(['--from', redirecting], { env: trusting });
  assert.match(redirected.stderr, /SHA256SUMS cannot be had/);
  assertNothingInstalled(home);
  const { code, stderr } = await home.run(['--from', from], { env: trusting });
  assert.equal(code, 0, stderr);
});
