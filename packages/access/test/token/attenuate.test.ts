import assert from 'node:assert/strict';
import { test } from 'node:test';
import { issueToken } from '../../src/token/index.ts';
import { attenuated, HOUR, issued, KEY, NOW, READS_NOTES } from './support/parts.ts';

test('a holder attenuates without any key, as often as there is room', () => {
  const token = attenuated(issued().token, { tables: ['notes'] }, { tables: ['*'] }, { zones: ['local:*'] });
  assert.ok(token.length > issued().token.length);
});

test('what would widen is refused: a longer life, a table without a right', () => {
  const { token } = issued();
  assert.throws(() => attenuated(token, { expiresAtMs: NOW + 2 * HOUR }), { code: 'token.widens' });
  assert.throws(() => attenuated(token, { tables: ['customers'] }), { code: 'token.widens' });
  const narrow = attenuated(issued({ rights: [{ table: '*', action: 'read' }] }).token, {
    tables: ['notes'],
  });
  assert.throws(() => attenuated(narrow, { tables: ['customers'] }), { code: 'token.widens' });
});

test('a life that was cut short is not made longer again', () => {
  const short = attenuated(issued().token, { expiresAtMs: NOW + 60_000 });
  assert.throws(() => attenuated(short, { expiresAtMs: NOW + 120_000 }), { code: 'token.widens' });
});

test('what nobody could read again is refused when it is written', () => {
  const { token } = issued();
  assert.throws(() => attenuated(token, {}), { code: 'usage.argument' });
  assert.throws(() => attenuated(token, { rows: [{ table: 'notes', predicate: '1=1) or (1=1' }] }), {
    code: 'predicate.invalid',
  });
  assert.throws(() => attenuated(token, { zones: ['everywhere'] }), { code: 'token.invalid' });
  assert.throws(() => attenuated(token, { delegate: { agent: '' } }), { code: 'token.invalid' });
  const long = Array.from({ length: 10 }, (_, i) => ({
    table: 'notes',
    predicate: `a${i} = '${'x'.repeat(2000)}'`,
  }));
  assert.throws(() => attenuated(token, { rows: long }), { code: 'token.too_large' });
});

test('an issuer is told at once what no token may hold', () => {
  const issue = (more: object) => () => issueToken({ ...READS_NOTES, ...more }, KEY);
  assert.throws(issue({ rights: [] }), { code: 'token.invalid' });
  assert.throws(issue({ agent: '' }), { code: 'token.invalid' });
  assert.throws(issue({ zone: 'local:*' }), { code: 'token.invalid' });
  assert.throws(issue({ proofKey: 'x' }), { code: 'token.invalid' });
  assert.throws(issue({ rights: [{ table: 'Notes', action: 'read' }] }), { code: 'token.invalid' });
});

test('a name with quotes and commas in it stays a name', () => {
  const agent = 'x"); right("*", "write"); agent("owner';
  assert.equal(issued({ agent }).claims.principal.agent, agent);
});
