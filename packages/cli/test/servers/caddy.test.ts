import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type DaemonProcess, servedProject, startDaemon } from '../support/daemon.ts';
import { hasTools } from '../support/debian-tools.ts';
import { emptyFolder } from '../support/harness.ts';
import { tickingPipeline, tickingServer } from '../support/ticking-server.ts';

const PAGE = join(import.meta.dirname, '../../../../docs/behind-caddy.md');
const NAME = 'context.example.com';
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};

/** What the page has readers write, for this daemon. */
function caddyfile(daemon: DaemonProcess): string {
  const text = blockOf('caddyfile');
  assert.ok(text.includes(`\n${NAME} {`) && text.includes('127.0.0.1:8765'), text);
  return text.replace('127.0.0.1:8765', new URL(daemon.origin).host);
}

function blockOf(language: string): string {
  const [, text = ''] =
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(readFileSync(PAGE, 'utf8')) ?? [];
  return text;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Caddy in front of a daemon, with certificates of an authority of its own, and a `fetch` that trusts it. */
async function inFront(t: TestContext, daemon: DaemonProcess) {
  const folder = emptyFolder(t, 'caddy');
  const port = await freePort();
  const file = join(folder, 'Caddyfile');
  const own = ['admin off', 'local_certs', 'skip_install_trust', `storage file_system ${folder}/storage`];
  const ports = [`https_port ${port}`, `http_port ${await freePort()}`, 'auto_https disable_redirects'];
  const options = [...own, ...ports, 'default_bind 127.0.0.1'].join('\n\t');
  writeFileSync(file, `{\n\t${options}\n}\n${caddyfile(daemon)}`);
  const caddy = spawn('caddy', ['run', '--config', file, '--adapter', 'caddyfile'], {
    env: { PATH: process.env.PATH, HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(() => caddy.kill('SIGKILL'));
  let log = '';
  caddy.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const root = join(folder, 'storage/pki/authorities/local/root.crt');
  const origin = `https://${NAME}:${port}`;
  for (let tries = 0; ; tries++, await sleep(50)) {
    assert.ok(tries < 200 && caddy.exitCode === null, log);
    if (existsSync(root) && (await isUp(() => through('/mcp')))) break;
  }

  /** As `fetch`, but knows where the name leads, and whom to trust. */
  async function through(path: string, init: RequestInit & { host?: string } = {}): Promise<Response> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port,
        servername: NAME,
        ca: readFileSync(root),
        path,
        method: init.method ?? 'GET',
        headers: { ...Object.fromEntries(new Headers(init.headers)), host: init.host ?? `${NAME}:${port}` },
        ...(init.signal === undefined || init.signal === null ? {} : { signal: init.signal }),
      },
      (answer) => {
        const { statusCode: status = 0 } = answer;
        const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [
          name,
          String(value),
        ]);
        const hasBody = status !== 204 && status !== 202 && status !== 304;
        const body = hasBody ? (Readable.toWeb(answer) as ReadableStream) : null;
        if (!hasBody) answer.resume();
        resolve(new Response(body, { status, headers }));
      },
    ).on('error', reject);
    request.end(init.body ?? undefined);
    return promise;
  }
  return { origin, through };
}

async function isUp(ask: () => Promise<Response>): Promise<boolean> {
  try {
    return (await ask()).status === 401;
  } catch {
    return false;
  }
}

/** An agent that calls through Caddy, and shows with each request what `show` makes for it. */
async function agent(
  t: TestContext,
  { origin, through }: Awaited<ReturnType<typeof inFront>>,
  show: (method: string, url: string) => Readonly<Record<string, string>>,
): Promise<Client> {
  const client = new Client({ name: 'agent', version: '1' });
  t.after(() => client.close());
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), {
      fetch: (address, init) => {
        const headers = new Headers(init?.headers);
        for (const [name, value] of Object.entries(show(init?.method ?? 'GET', String(address))))
          headers.set(name, value);
        return through(new URL(address).pathname, { ...init, headers });
      },
    }),
  );
  return client;
}

/** Of an answer to a request whose `Host` is chosen, too. */
async function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  httpRequest(url, { headers }, (answer) => resolve(answer.resume().statusCode))
    .on('error', reject)
    .end();
  return promise;
}

test('an agent calls through Caddy, by the name that the daemon was told', async (t) => {
  if (!hasTools(t, 'caddy')) return;
  const DELAY_MS = 1500;
  await using server = await tickingServer(DELAY_MS);
  const { folder } = servedProject(t, tickingPipeline(server, 'slow'));
  const daemon = await startDaemon(t, { folder, args: ['--allow-host', NAME] });
  const front = await inFront(t, daemon);
  const { through, origin } = front;

  const refused = await through('/mcp');
  assert.equal(refused.status, 401);
  const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
  assert.ok(refused.headers.get('www-authenticate')?.includes(`resource_metadata="${metadata}"`));
  const described = await through('/.well-known/oauth-protected-resource/mcp');
  assert.equal(((await described.json()) as { resource: string }).resource, `${origin}/mcp`);
  for (const path of ['/metrics', '/healthz', '/', '/mcp/x'])
    assert.equal((await through(path)).status, 404, path);

  const bearer = { authorization: `Bearer ${daemon.token}` };
  const client = await agent(t, front, () => bearer);
  const heardMs: number[] = [];
  const ran = await client.callTool(
    { name: 'pipeline_run', arguments: { id: 'slow' } },
    { onprogress: () => void heardMs.push(performance.now()) },
  );
  const endedMs = performance.now();
  assert.equal(ran.isError ?? false, false, JSON.stringify(ran));
  assert.ok(endedMs - (heardMs[0] ?? endedMs) > DELAY_MS / 2, 'progress comes while it goes on');
  const answer = await client.callTool({
    name: 'context_query',
    arguments: { sql: 'select count(*) as n from slow' },
  });
  assert.deepEqual((answer.structuredContent as { rows: unknown }).rows, [[1]]);

  const unknown = { host: 'other.example.com', 'x-forwarded-host': NAME };
  assert.equal(await statusOf(`${daemon.origin}/mcp`, unknown), 403, 'no header stands for the name');
  assert.equal(await statusOf(`${daemon.origin}/mcp`, { host: NAME }), 401);

  // Caddy would not keep a connection longer than the daemon does.
  const direct = await fetch(`${daemon.origin}/healthz`);
  assert.ok(Number(/timeout=(\d+)/.exec(direct.headers.get('keep-alive') ?? '')?.[1]) > 120);
  await client.close();
  assert.equal(await daemon.stop(), 0);
});

test('a proof of possession names the address that the agent called, whatever headers say', async (t) => {
  if (!hasTools(t, 'caddy')) return;
  const project = servedProject(t);
  const daemon = await startDaemon(t, {
    folder: project.folder,
    args: ['--no-schedule', '--allow-host', NAME],
  });
  const front = await inFront(t, daemon);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { crv, kty, x } = publicKey.export({ format: 'jwk' });
  const proofKey = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  const { stdout, stderr } = await project.hakiri(
    ...['token', 'issue', '--agent', 'a', '--table', '*', '--action', 'read', '--proof-key', proofKey],
  );
  const token = stdout.trim();
  assert.ok(token !== '', stderr);
  /** RFC 9449. */
  const proven = (htm: string, htu: string) => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = {
      ...{ htm, htu, jti: randomUUID(), iat: Date.now() / 1000 },
      ath: createHash('sha256').update(token).digest('base64url'),
    };
    const signed = `${part({ typ: 'dpop+jwt', alg: 'EdDSA', jwk: { crv, kty, x } })}.${part(claims)}`;
    const dpop = `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
    return { authorization: `DPoP ${token}`, dpop };
  };

  const client = await agent(t, front, proven);
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === 'context_query'));

  const call = async (headers: Readonly<Record<string, string>>): Promise<number> => {
    const content = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const body = JSON.stringify(INITIALIZE);
    return (await front.through('/mcp', { method: 'POST', headers: { ...content, ...headers }, body }))
      .status;
  };
  const url = `${front.origin}/mcp`;
  assert.equal(await call(proven('POST', url)), 200);
  const once = proven('POST', url);
  assert.equal(await call(once), 200);
  assert.equal(await call(once), 401, 'good for one request');
  for (const elsewhere of [
    url.replace('https:', 'http:'),
    `${daemon.origin}/mcp`,
    'https://other.example.com/mcp',
    `https://${NAME}/mcp`,
  ]) {
    assert.equal(await call(proven('POST', elsewhere)), 401, elsewhere);
    // Caddy passes on none of these that it did not make itself.
    const claimed = { 'x-forwarded-proto': new URL(elsewhere).protocol.slice(0, -1) };
    const host = { 'x-forwarded-host': new URL(elsewhere).host };
    assert.equal(await call({ ...proven('POST', elsewhere), ...claimed, ...host }), 401, elsewhere);
  }
  assert.equal(await call({ authorization: `Bearer ${token}` }), 401);
  await client.close();
  assert.equal(await daemon.stop(), 0);
});

test('what the page has readers add is understood by Caddy', (t) => {
  if (!hasTools(t, 'caddy')) return;
  const folder = emptyFolder(t, 'caddy');
  const [file, authority] = [join(folder, 'Caddyfile'), join(folder, 'ca.pem')];
  writeFileSync(authority, rootCertificates[0] ?? '');
  const added = blockOf('caddyfile fragment').replace('/etc/caddy/agents-ca.pem', authority);
  writeFileSync(
    file,
    blockOf('caddyfile').replace(`${NAME} {\n`, (start) => start + added),
  );
  const adapt = ['adapt', '--config', file, '--adapter', 'caddyfile'];
  const { status, stdout, stderr } = spawnSync('caddy', adapt, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /"mode":"require_and_verify"/);
});
