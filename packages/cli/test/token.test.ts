import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hakiri, type Outcome, projectFolder } from './support/harness.ts';

/** Of one folder; what is given on standard input first. */
function commands(cwd: string): (stdin: string, ...argv: readonly string[]) => Promise<Outcome> {
  return (stdin, ...argv) => hakiri({ cwd, stdin }, ...argv);
}

async function issued(t: TestContext, ...more: readonly string[]) {
  const folder = projectFolder(t);
  const run = commands(folder);
  const { code, stdout, stderr } = await run(
    '',
    'token',
    'issue',
    '--agent',
    'lead',
    '--table',
    'notes',
    ...more,
  );
  assert.equal(code, 0, stderr);
  return { folder, run, token: stdout.trim() };
}

const manifestOf = (folder: string): string => readFileSync(join(folder, 'hakiri.toml'), 'utf8');

test('a token is printed alone; the key is made for it, and the manifest knows the key', async (t) => {
  const { folder, run, token } = await issued(t);
  assert.match(token, /^[A-Za-z0-9_-]+=*$/);
  assert.match(manifestOf(folder), /^public_keys = \["ed25519\/[0-9a-f]{64}"\]$/m);
  assert.equal(statSync(join(folder, '.hakiri/keys/signing.key')).mode & 0o777, 0o600);
  const verified = await run(token, 'token', 'verify');
  assert.equal(verified.code, 0);
  assert.match(verified.stdout, /^agent +lead$/m);
  const before = manifestOf(folder);
  await run('', 'token', 'issue', '--agent', 'other', '--table', 'notes');
  assert.equal(manifestOf(folder), before);
});

test('everything that issue takes is in the token', async (t) => {
  const { run, token } = await issued(
    t,
    ...['--table', 'tickets', '--action', 'read', '--action', 'search', '--host', 'laptop'],
    ...['--on-behalf-of', 'ada', '--task', 'triage', '--zone', 'on-prem:rack', '--rows', "state = 'open'"],
    ...['--columns', 'id,title', '--column', 'email=mask', '--min-group', '7', '--ttl', '10m'],
  );
  const said = JSON.parse((await run(token, 'token', 'inspect', '--json')).stdout);
  const each = <T>(more: T) => [
    { table: 'notes', ...more },
    { table: 'tickets', ...more },
  ];
  assert.deepEqual(
    { ...said, expires_at: 0, blocks: said.blocks[0].restrictions },
    {
      agent: 'lead',
      host: 'laptop',
      on_behalf_of: 'ada',
      task: 'triage',
      delegates: [],
      zone: 'on-prem:rack',
      rights: [
        { table: 'notes', action: 'read' },
        { table: 'notes', action: 'search' },
        { table: 'tickets', action: 'read' },
        { table: 'tickets', action: 'search' },
      ],
      not_before: null,
      expires_at: 0,
      proof_key: null,
      sealed: false,
      blocks: {
        rows: each({ predicate: "state = 'open'" }),
        columns: each({ names: ['id', 'title'] }),
        actions: each({ column: 'email', action: 'mask' }),
        min_groups: each({ rows: 7 }),
      },
    },
  );
  const leftMs = Date.parse(said.expires_at) - Date.now();
  assert.ok(leftMs > 590_000 && leftMs <= 600_000);
});

test('a holder narrows a token without the project, from HAKIRI_TOKEN as from standard input', async (t) => {
  const { folder, run, token } = await issued(t);
  const elsewhere = '/';
  const narrow = ['token', 'attenuate', '--delegate', 'scout', '--task', 'triage', '--columns', 'id'];
  const piped = await hakiri({ cwd: elsewhere, stdin: `${token}\n` }, ...narrow);
  const fromEnv = await hakiri({ cwd: elsewhere, env: { HAKIRI_TOKEN: token } }, ...narrow);
  for (const { code, stdout, stderr } of [piped, fromEnv]) {
    assert.equal(code, 0, stderr);
    const { delegates, blocks } = JSON.parse((await run(stdout, 'token', 'verify', '--json')).stdout);
    assert.deepEqual(delegates, [{ agent: 'scout', task: 'triage' }]);
    assert.deepEqual(blocks[1].restrictions.columns, [{ table: 'notes', names: ['id'] }]);
  }
  assert.ok(folder !== elsewhere);
});

test('attenuating never gives more', async (t) => {
  const { run, token } = await issued(t);
  const wider = [
    ['--table', 'customers'],
    ['--ttl', '2h'],
  ];
  for (const more of wider) {
    const { code, stderr, stdout } = await run(token, 'token', 'attenuate', ...more);
    assert.equal(code, 2);
    assert.match(stderr, /token\.widens/);
    assert.equal(stdout, '');
  }
  assert.match((await run(token, 'token', 'attenuate', '--action', 'write')).stderr, /no flag --action/);
  assert.match((await run(token, 'token', 'attenuate')).stderr, /nothing to take away/);
});

test('a revoked token is refused, with what was made of it, and listed as such', async (t) => {
  const { run, token } = await issued(t);
  const attenuate = async (of: string): Promise<string> =>
    (await run(of, 'token', 'attenuate', '--table', 'notes')).stdout.trim();
  const middle = await attenuate(token);
  const last = await attenuate(middle);
  assert.equal((await run(middle, 'token', 'revoke', '--reason', 'went astray')).code, 0);
  assert.equal((await run(token, 'token', 'verify')).code, 0);
  for (const each of [middle, last]) {
    const { code, stderr } = await run(each, 'token', 'verify');
    assert.equal(code, 3);
    assert.match(stderr, /token\.revoked/);
  }
  const { tokens } = JSON.parse((await run('', 'token', 'list', '--json')).stdout);
  assert.equal(tokens[0].state, 'in force');
  assert.equal((await run('', 'token', 'revoke', tokens[0].id.slice(0, 12))).code, 0);
  assert.equal((await run(token, 'token', 'verify')).code, 3);
  assert.match((await run('', 'token', 'list')).stdout, /lead +read notes +\S+ +revoked\n/);
  assert.match((await run(token, 'token', 'revoke')).stderr, /revoked already/);
});

test('what is not a token, a table, a zone or an action is said so', async (t) => {
  const { run, token } = await issued(t);
  const wrong: readonly (readonly [string, RegExp, ...string[]])[] = [
    ['', /token\.missing/, 'token', 'verify'],
    ['nonsense', /token\.invalid/, 'token', 'verify'],
    [token.slice(0, -8), /token\.invalid/, 'token', 'inspect'],
    [token, /no block 5/, 'token', 'revoke', '--block', '5'],
    ['', /id of no token/, 'token', 'revoke', 'abcdef0123'],
    ['', /not the name of a table/, 'token', 'issue', '--agent', 'a', '--table', 'a-b'],
    ['', /not a zone/, 'token', 'issue', '--agent', 'a', '--table', 'a', '--zone', 'moon'],
    ['', /what is done to a column/, 'token', 'issue', '--agent', 'a', '--table', 'a', '--column', 'x=show'],
    ['', /predicate\.invalid/, 'token', 'issue', '--agent', 'a', '--table', 'a', '--rows', '1=1) or (1=1'],
    [token, /go together/, 'token', 'attenuate', '--proof-key', 'A'.repeat(43)],
  ];
  for (const [stdin, message, ...argv] of wrong) {
    const { code, stderr, stdout } = await run(stdin, ...argv);
    assert.notEqual(code, 0, argv.join(' '));
    assert.match(stderr, message);
    assert.equal(stdout, '');
    assert.ok(!stderr.includes(token.slice(0, 40)));
  }
});

test('a token of another project is refused like a forged one', async (t) => {
  const [here, there] = [await issued(t), await issued(t)];
  const { code, stderr } = await there.run(here.token, 'token', 'verify');
  assert.equal(code, 3);
  assert.match(stderr, /was not signed by this project/);
});

test('possession is passed on with the key that is proven now', async (t) => {
  const folder = projectFolder(t);
  const run = commands(folder);
  const [first, second] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
  writeFileSync(join(folder, 'first.pem'), first.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(folder, 'second.jwk'), JSON.stringify(second.publicKey.export({ format: 'jwk' })));
  const issue = await run(
    '',
    'token',
    'issue',
    '--agent',
    'a',
    '--table',
    'notes',
    '--proof-key',
    'first.pem',
  );
  const passOn = ['token', 'attenuate', '--proof-key', 'second.jwk', '--signed-by', 'first.pem'];
  const passed = await run(issue.stdout, ...passOn);
  assert.equal(passed.code, 0, passed.stderr);
  const proofKey = async (token: string): Promise<string> =>
    JSON.parse((await run(token, 'token', 'verify', '--json')).stdout).proof_key;
  assert.notEqual(await proofKey(passed.stdout), await proofKey(issue.stdout));
  const again = await run(passed.stdout, ...passOn);
  assert.match(again.stderr, /token\.widens/);
});

test('keys are rotated: tokens of the old one hold until it is dropped', async (t) => {
  const { folder, run, token } = await issued(t);
  assert.equal((await run('', 'key', 'rotate')).code, 0);
  const newer = (await run('', 'token', 'issue', '--agent', 'new', '--table', 'notes')).stdout;
  for (const each of [token, newer]) assert.equal((await run(each, 'token', 'verify')).code, 0);
  assert.equal((await run('', 'key', 'rotate', '--drop-old')).code, 0);
  assert.equal(manifestOf(folder).match(/ed25519\//g)?.length, 1);
  assert.equal((await run(token, 'token', 'verify')).code, 3);
  assert.equal((await run(newer, 'token', 'verify')).code, 0);
});

test('keys go to another machine: what is issued there holds here', async (t) => {
  const here = await issued(t);
  const there = projectFolder(t);
  writeFileSync(join(there, 'hakiri.toml'), manifestOf(here.folder));
  const runThere = commands(there);
  const issue = ['token', 'issue', '--agent', 'there', '--table', 'notes'] as const;
  assert.match((await runThere('', ...issue)).stderr, /key\.missing/);
  const file = join(here.folder, 'project.keys');
  const exported = await here.run('', 'key', 'export', '--to', 'project.keys');
  assert.equal(exported.code, 0, exported.stderr);
  const secret = readFileSync(join(here.folder, '.hakiri/keys/signing.key'), 'utf8').trim();
  assert.ok(!(exported.stdout + exported.stderr).includes(secret));
  assert.match((await here.run('', 'key', 'export', '--to', 'project.keys')).stderr, /key\.exists/);
  assert.equal((await runThere('', 'key', 'import', file)).code, 0);
  const { stdout } = await runThere('', ...issue);
  assert.equal((await here.run(stdout, 'token', 'verify')).code, 0);
});

test('a key that was dropped elsewhere does not come back by being rotated', async (t) => {
  const { folder, run } = await issued(t);
  const manifest = manifestOf(folder).replace(/ed25519\/[0-9a-f]+/, `ed25519/${'ab'.repeat(32)}`);
  writeFileSync(join(folder, 'hakiri.toml'), manifest);
  for (const argv of [['rotate'], ['rotate', '--drop-old']]) {
    assert.match((await run('', 'key', ...argv)).stderr, /key\.missing/);
    assert.equal(manifestOf(folder), manifest);
  }
});

test('a file that is named comes before HAKIRI_TOKEN; what is revoked is never what the caller has there', async (t) => {
  const { folder, run, token } = await issued(t);
  const other = (await run('', 'token', 'issue', '--agent', 'other', '--table', 'notes')).stdout;
  writeFileSync(join(folder, 'other.token'), other);
  const world = { cwd: folder, env: { HAKIRI_TOKEN: token }, stdin: other };
  const agentOf = async (...more: string[]): Promise<string> =>
    JSON.parse((await hakiri(world, 'token', 'verify', '--json', ...more)).stdout).agent;
  assert.equal(await agentOf(), 'lead');
  assert.equal(await agentOf('--token-file', 'other.token'), 'other');
  assert.equal(await agentOf('--token-file', '-'), 'other');
  await hakiri(world, 'token', 'revoke');
  assert.equal(await agentOf(), 'lead');
  assert.equal((await run(other, 'token', 'verify')).code, 3);
});
