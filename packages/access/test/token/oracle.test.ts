import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { keyPairOf } from '../../src/biscuit/index.ts';
import { attenuateToken, inspectToken, passProofOn } from '../../src/token/index.ts';
import { thumbprintOfEd25519 } from '../../src/token/thumbprint.ts';
import { type Oracle, startOracle } from './support/oracle.ts';
import { attenuated, HOUR, issued, KEY, less, NOW, testGate, tokenOfBlocks } from './support/parts.ts';

let oracle: Oracle;
before(async () => {
  oracle = await startOracle();
});
after(() => oracle.stop());

const seed = Buffer.alloc(32, 7).toString('hex');
const key = KEY.publicKey;
const UNTIL = '2027-01-15T09:00:00Z';
const CODE = `agent("lead"); right("notes", "read"); check if time($now), $now <= ${UNTIL};`;

test('our tokens are read by another library, block by block, with the same revocation ids', async () => {
  for (const blocks of [1, 2, 5, 8]) {
    const token = tokenOfBlocks(blocks);
    assert.deepEqual((await oracle.read(token, key)).ids, inspectToken(token).ids);
  }
  const { blocks } = await oracle.read(tokenOfBlocks(3), key);
  assert.deepEqual(blocks, [
    'agent("lead");\nhost("laptop");\non_behalf_of("ada");\ntask("review");\nzone("local:device");\n' +
      `right("notes", "read");\ncheck if time($t), $t <= ${UNTIL};\n`,
    'row_filter("notes", "state = \'open\'");\ndelegate("scout", "triage");\n',
    'columns("notes", {"id", "title"});\ncheck if time($t), $t <= 2027-01-15T08:30:00Z;\n',
  ]);
});

test('a token that another library issued is accepted', async () => {
  const { gate } = testGate();
  const token = await oracle.make({
    do: 'issue',
    seed,
    code: `${CODE} host("h"); zone("on-prem:rack"); columns("notes", {"id", "title"}); min_group("notes", 5);
      row_filter("notes", "state = 'open'"); column("notes", "email", "mask"); table("notes");
      check if time($t), $t >= 2027-01-15T08:00:00Z, $t < 2027-01-15T10:00:00Z;`,
  });
  const grant = await gate.authenticate({ token });
  assert.equal(grant.zone, 'on-prem:rack');
  assert.equal(grant.expiresAtMs, NOW + HOUR);
  assert.deepEqual(grant.restrictions, [
    {
      tables: ['notes'],
      rows: [{ table: 'notes', predicate: "state = 'open'" }],
      columns: [{ table: 'notes', names: ['id', 'title'] }],
      actions: [{ table: 'notes', column: 'email', action: 'mask' }],
      minGroups: [{ table: 'notes', rows: 5 }],
    },
  ]);
  assert.deepEqual(grant.tokenIds, (await oracle.read(token, key)).ids);
});

test('each attenuates what the other has made, in turn', async () => {
  const { gate } = testGate();
  let token = issued().token;
  for (let turn = 0; turn < 3; turn++) {
    token = await oracle.make({
      do: 'append',
      token,
      key,
      code: `row_filter("notes", "id > ${turn}"); table("notes");`,
    });
    token = attenuated(token, { minGroups: [{ table: 'notes', rows: 5 + turn }] });
  }
  const { restrictions, tokenIds } = await gate.authenticate({ token });
  assert.equal(restrictions.length, 7);
  assert.deepEqual(restrictions[5]?.rows, [{ table: 'notes', predicate: 'id > 2' }]);
  assert.deepEqual((await oracle.read(token, key)).ids, tokenIds);
});

test('a token that another library sealed is accepted, and takes no block any more', async () => {
  const { gate } = testGate();
  const token = await oracle.make({ do: 'seal', token: tokenOfBlocks(3), key });
  await gate.authenticate({ token });
  assert.ok(inspectToken(token).isSealed);
  assert.throws(() => attenuateToken(token, [less({ tables: ['notes'] })]), { code: 'token.invalid' });
});

test('a token is not made wider with another library either', async () => {
  const { gate } = testGate();
  const widening: Readonly<Record<string, RegExp>> = {
    'right("notes", "write");': /token\.widens/,
    'agent("owner");': /token\.widens/,
    'cnf_jkt("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");': /token\.widens/,
    'right("notes", "write") <- agent("lead");': /token\.invalid/,
    'check if true;': /token\.invalid/,
    'check if agent("lead");': /token\.invalid/,
    'check if time($t), $t <= 2027-01-15T09:00:00Z or true;': /token\.invalid/,
    'check all time($t), $t <= 2027-01-15T09:00:00Z;': /token\.invalid/,
    'check if time($t), 2027-01-15T09:00:00Z >= $t;': /token\.invalid/,
    'reject if time($t), $t > 2027-01-15T09:00:00Z;': /token\.invalid/,
    'unknown("x");': /token\.invalid/,
    'table("notes", "customers");': /token\.invalid/,
    'columns("notes", ["id"]);': /token\.invalid/,
    'columns("notes", {"id", 1});': /token\.invalid/,
    'min_group("notes", -5);': /token\.invalid/,
    'min_group("notes", 9223372036854775807);': /token\.invalid/,
  };
  for (const [code, refusal] of Object.entries(widening)) {
    const { token } = issued();
    let made: string;
    try {
      made = await oracle.make({ do: 'append', token, key, code });
    } catch {
      // Not even the other library says it.
      continue;
    }
    await assert.rejects(gate.authenticate({ token: made }), { code: refusal }, code);
  }
});

test('more life in a later block is no more life', async () => {
  const { gate, clock } = testGate();
  const token = await oracle.make({
    do: 'append',
    token: issued().token,
    key,
    code: 'check if time($t), $t <= 2037-01-01T00:00:00Z;',
  });
  assert.equal((await gate.authenticate({ token })).expiresAtMs, NOW + HOUR);
  clock.pass(HOUR + 1);
  await assert.rejects(gate.authenticate({ token }), { code: 'token.expired' });
});

test('proof of possession is passed on by both, and by the key that holds it alone', async () => {
  const { gate } = testGate();
  const first = keyPairOf(Buffer.alloc(32, 1));
  const second = keyPairOf(Buffer.alloc(32, 2));
  const third = 'B'.repeat(43);
  const { token } = issued({ proofKey: thumbprintOfEd25519(first.publicKey) });
  const jkt = thumbprintOfEd25519(second.publicKey);
  const byOracle = await oracle.make({
    do: 'append_third_party',
    token,
    key,
    code: `cnf_jkt("${jkt}");`,
    seed: Buffer.from(first.seed).toString('hex'),
  });
  assert.equal(gate.verify(byOracle).claims.proofKey, jkt);
  const byUs = passProofOn(byOracle, second.seed, third).token;
  assert.equal(gate.verify(byUs).claims.proofKey, third);
  assert.deepEqual((await oracle.read(byUs, key)).ids, inspectToken(byUs).ids);

  assert.throws(() => passProofOn(byUs, second.seed, jkt), { code: 'token.widens' });
  const stolen = await oracle.make({
    do: 'append_third_party',
    token,
    key,
    code: `cnf_jkt("${jkt}");`,
    seed: Buffer.from(second.seed).toString('hex'),
  });
  await assert.rejects(gate.authenticate({ token: stolen }), { code: 'token.widens' });
  const pointless = await oracle.make({
    do: 'append_third_party',
    token,
    key,
    code: 'table("notes");',
    seed: Buffer.from(first.seed).toString('hex'),
  });
  await assert.rejects(gate.authenticate({ token: pointless }), { code: 'token.invalid' });
});
