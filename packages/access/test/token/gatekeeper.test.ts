import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HakiriError } from '@hakiri/core';
import {
  appendSigned,
  createSymbols,
  type Fact,
  fromText,
  readEnvelope,
  signAuthority,
  toText,
  writeBlock,
  writeEnvelope,
} from '../../src/biscuit/index.ts';
import { inspectToken, issueToken, ownerToken } from '../../src/token/index.ts';
import {
  attenuated,
  HOUR,
  issued,
  KEY,
  NOW,
  OTHER_KEY,
  READS_NOTES,
  testGate,
  tokenOfBlocks,
} from './support/parts.ts';

test('a token becomes a grant with what every block says', async () => {
  const token = attenuated(
    issued({ host: 'laptop', onBehalfOf: 'ada', task: 'review' }).token,
    {
      rows: [{ table: 'notes', predicate: "state = 'open'" }],
      delegate: { agent: 'scout', task: 'triage' },
      tables: ['notes'],
    },
    {
      columns: [{ table: 'notes', names: ['id', 'title'] }],
      actions: [{ table: 'notes', column: 'title', action: 'mask' }],
      minGroups: [{ table: '*', rows: 7 }],
      zones: ['local:*'],
      delegate: { agent: 'digger' },
      expiresAtMs: NOW + HOUR / 2,
    },
  );
  const grant = await testGate().gate.authenticate({ token });
  const { tokenIds, digest, ...rest } = grant;
  assert.deepEqual(rest, {
    subject: 'lead',
    principal: {
      agent: 'lead',
      host: 'laptop',
      onBehalfOf: 'ada',
      task: 'review',
      delegates: [{ agent: 'scout', task: 'triage' }, { agent: 'digger' }],
    },
    rights: [{ table: 'notes', action: 'read' }],
    restrictions: [
      { rows: [], columns: [], actions: [], minGroups: [] },
      {
        tables: ['notes'],
        rows: [{ table: 'notes', predicate: "state = 'open'" }],
        columns: [],
        actions: [],
        minGroups: [],
      },
      {
        zones: ['local:*'],
        rows: [],
        columns: [{ table: 'notes', names: ['id', 'title'] }],
        actions: [{ table: 'notes', column: 'title', action: 'mask' }],
        minGroups: [{ table: '*', rows: 7 }],
      },
    ],
    zone: 'local:device',
    asOwner: false,
    expiresAtMs: NOW + HOUR / 2,
  });
  assert.equal(tokenIds.length, 3);
  assert.match(digest, /^[0-9a-f]{64}$/);
});

test('equal claims have equal digests, whatever their ids and expiry; other claims have others', async () => {
  const { gate } = testGate();
  const digest = async (token: string) => (await gate.authenticate({ token })).digest;
  const first = await digest(issued().token);
  assert.equal(await digest(issued({ expiresAtMs: NOW + 2 * HOUR }).token), first);
  const others = [
    issued({ agent: 'other' }).token,
    issued({ zone: 'on-prem:rack' }).token,
    issued({ rights: [{ table: 'notes', action: 'search' }] }).token,
    attenuated(issued().token, { tables: ['notes'] }),
    attenuated(issued().token, { delegate: { agent: 'scout' } }),
  ];
  const digests = await Promise.all(others.map(digest));
  assert.equal(new Set([first, ...digests]).size, others.length + 1);
});

test('an expired token is refused, and one that holds only later', async () => {
  const { gate, clock } = testGate();
  const early = issued({ notBeforeMs: NOW + 1000 }).token;
  const { token } = issued();
  await gate.authenticate({ token });
  await assert.rejects(gate.authenticate({ token: early }), { code: 'token.not_yet_valid' });
  clock.pass(HOUR);
  await gate.authenticate({ token });
  await gate.authenticate({ token: early });
  clock.pass(1);
  await assert.rejects(gate.authenticate({ token }), { code: 'token.expired' });
});

test('a clock that is set back brings no token back, and time goes on from where it was', async () => {
  const { gate, clock } = testGate();
  const { token } = issued();
  const longer = issued({ expiresAtMs: NOW + 2 * HOUR }).token;
  clock.pass(HOUR + 1);
  await assert.rejects(gate.authenticate({ token }), { code: 'token.expired' });
  clock.set(NOW - HOUR);
  await assert.rejects(gate.authenticate({ token }), { code: 'token.expired' });
  await gate.authenticate({ token: longer });
  clock.pass(HOUR);
  await assert.rejects(gate.authenticate({ token: longer }), { code: 'token.expired' });
});

test('revoking any block ends the token and whatever was made of it, at the next request', async () => {
  const { gate, revoked } = testGate();
  const lead = issued().token;
  const middle = attenuated(lead, { tables: ['notes'] });
  const last = attenuated(middle, { minGroups: [{ table: 'notes', rows: 5 }] });
  const sibling = attenuated(lead, { tables: ['notes'] });
  for (const token of [lead, middle, last, sibling]) await gate.authenticate({ token });
  revoked.add(inspectToken(middle).ids[1] as string);
  await gate.authenticate({ token: lead });
  await gate.authenticate({ token: sibling });
  await assert.rejects(gate.authenticate({ token: middle }), { code: 'token.revoked' });
  await assert.rejects(gate.authenticate({ token: last }), { code: 'token.revoked' });
  revoked.add(inspectToken(lead).ids[0] as string);
  for (const token of [lead, sibling]) {
    await assert.rejects(gate.authenticate({ token }), { code: 'token.revoked' });
  }
});

test('a token of another project and a forged one are refused in the same words', async () => {
  const { gate } = testGate();
  const bytes = Buffer.from(issued().token, 'base64url');
  bytes[bytes.length - 60] = (bytes[bytes.length - 60] as number) ^ 1;
  const strangers = [issueToken(READS_NOTES, OTHER_KEY).token, toText(bytes)];
  const refusal = async (token: string): Promise<readonly string[]> => {
    try {
      await gate.authenticate({ token });
    } catch (error) {
      const { code, message } = error as HakiriError;
      return [code, message];
    }
    return assert.fail('it was accepted');
  };
  const messages = await Promise.all(strangers.map(refusal));
  assert.deepEqual(messages[0], messages[1]);
  assert.equal(messages[0]?.[0], 'token.invalid');
});

test('a key that the manifest drops takes its tokens with it; one that it adds brings them', async () => {
  const { gate, keys } = testGate();
  const { token } = issued();
  await gate.authenticate({ token });
  keys.splice(0, 1, OTHER_KEY.publicKey);
  await assert.rejects(gate.authenticate({ token }), { code: 'token.invalid' });
  keys.push(KEY.publicKey);
  await gate.authenticate({ token });
});

test('the owner token has every right and no end', async () => {
  const { gate, clock } = testGate();
  clock.pass(100 * 365 * 24 * HOUR);
  const grant = await gate.authenticate({ token: ownerToken(KEY).token });
  assert.equal(grant.zone, 'local:device');
  assert.equal(grant.expiresAtMs, undefined);
  assert.equal(grant.asOwner, false);
  assert.deepEqual(new Set(grant.rights.map(({ table }) => table)), new Set(['*']));
  assert.equal(grant.rights.length, 5);
});

test('nothing, a word, half a token, and a token with something behind it are refused', async () => {
  const { gate } = testGate();
  const { token } = issued();
  await assert.rejects(gate.authenticate({ token: '' }), { code: 'token.missing' });
  for (const text of [
    'x',
    'hello',
    token.slice(0, 100),
    `${token}AAAA`,
    ` ${token}`,
    `${token}\n`,
    `${token}=`,
  ]) {
    await assert.rejects(gate.authenticate({ token: text }), { code: 'token.invalid' }, text);
  }
  await assert.rejects(gate.authenticate({ token: 'A'.repeat(22_000) }), { code: 'token.too_large' });
  await gate.authenticate({ token: token.replace(/=+$/, '') });
});

test('a token has at most eight blocks', () => {
  const eight = tokenOfBlocks(8);
  assert.equal(inspectToken(eight).ids.length, 8);
  assert.throws(() => attenuated(eight, { tables: ['notes'] }), { code: 'token.too_large' });
});

const text = (value: string) => ({ kind: 'text', text: value }) as const;
const AGENT: Fact = { name: 'agent', terms: [text('lead')] };

/** Signed by the project, saying anything. */
function tokenSaying(authority: readonly Fact[], ...later: readonly (readonly Fact[])[]): string {
  const symbols = createSymbols();
  let envelope = signAuthority(writeBlock({ facts: authority, checks: [] }, 3, symbols), KEY.pair);
  for (const facts of later) {
    envelope = appendSigned(envelope, writeBlock({ facts, checks: [] }, 3, symbols));
  }
  return toText(writeEnvelope(envelope));
}

test('whatever is outside the vocabulary is refused, by whomever it is signed', async () => {
  const { gate } = testGate();
  const right: Fact = { name: 'right', terms: [text('notes'), text('read')] };
  await gate.authenticate({ token: tokenSaying([AGENT, right]) });
  const outside: readonly (readonly Fact[])[] = [
    [],
    [right],
    [AGENT, AGENT],
    [AGENT, { name: 'agent', terms: [text('other')] }],
    [{ name: 'agent', terms: [text('')] }],
    [{ name: 'agent', terms: [text('line\nbreak')] }],
    [{ name: 'agent', terms: [text('\u202eevil')] }],
    [{ name: 'agent', terms: [text('x'.repeat(300))] }],
    [{ name: 'agent', terms: [{ kind: 'integer', value: 1 }] }],
    [AGENT, { name: 'agentx', terms: [text('a')] }],
    [AGENT, { name: 'admin', terms: [text('lead')] }],
    [AGENT, { name: 'right', terms: [text('notes'), text('delete')] }],
    [AGENT, { name: 'right', terms: [text('notes')] }],
    [AGENT, { name: 'right', terms: [text('notes; drop'), text('read')] }],
    [AGENT, { name: 'right', terms: [text('notes'), text('read'), text('write')] }],
    [AGENT, { name: 'zone', terms: [text('local:*')] }],
    [AGENT, { name: 'zone', terms: [text('moon:base')] }],
    [AGENT, { name: 'row_filter', terms: [text('notes'), text('1=1) or (1=1')] }],
    [AGENT, { name: 'row_filter', terms: [text('notes'), text('')] }],
    [AGENT, { name: 'row_filter', terms: [text('notes'), text('id / 0 = 1')] }],
    [AGENT, { name: 'columns', terms: [text('notes'), text('id')] }],
    [AGENT, { name: 'columns', terms: [text('notes'), { kind: 'texts', texts: [] }] }],
    [AGENT, { name: 'column', terms: [text('notes'), text('email'), text('clear')] }],
    [AGENT, { name: 'min_group', terms: [text('notes'), { kind: 'integer', value: 0 }] }],
    [AGENT, { name: 'cnf_jkt', terms: [text('short')] }],
  ];
  for (const facts of outside) {
    await assert.rejects(
      gate.authenticate({ token: tokenSaying(facts) }),
      { code: 'token.invalid' },
      JSON.stringify(facts),
    );
  }
});

test('a later block that names rights, a subject or a key to prove is refused as widening', async () => {
  const { gate } = testGate();
  const later: readonly Fact[] = [
    { name: 'right', terms: [text('notes'), text('write')] },
    { name: 'agent', terms: [text('owner')] },
    { name: 'host', terms: [text('h')] },
    { name: 'on_behalf_of', terms: [text('root')] },
    { name: 'task', terms: [text('t')] },
    { name: 'cnf_jkt', terms: [text('A'.repeat(43))] },
  ];
  for (const fact of later) {
    await assert.rejects(
      gate.authenticate({ token: tokenSaying([AGENT], [fact]) }),
      { code: 'token.widens' },
      fact.name,
    );
  }
});

test('the zone is the caller’s in the first block, and a restriction in later ones', async () => {
  const { gate } = testGate();
  const zone: Fact = { name: 'zone', terms: [text('public-cloud:acme')] };
  const grant = await gate.authenticate({ token: tokenSaying([AGENT], [zone]) });
  assert.equal(grant.zone, undefined);
  assert.deepEqual(grant.restrictions[1]?.zones, ['public-cloud:acme']);
});

test('more than 512 things in a token are too many', async () => {
  const { gate } = testGate();
  const many = Array.from({ length: 600 }, (): Fact => ({ name: 'table', terms: [text('notes')] }));
  await assert.rejects(gate.authenticate({ token: tokenSaying([AGENT, ...many]) }), {
    code: 'token.too_large',
  });
});

test('a root key id counts, though no signature covers it', async () => {
  const { gate, keys } = testGate();
  keys.push(OTHER_KEY.publicKey);
  const withId = (rootKeyId: number) =>
    toText(writeEnvelope({ ...readEnvelope(fromText(issued().token)), rootKeyId }));
  await gate.authenticate({ token: withId(0) });
  for (const id of [1, 2, 1000]) {
    await assert.rejects(gate.authenticate({ token: withId(id) }), { code: 'token.invalid' });
  }
});
