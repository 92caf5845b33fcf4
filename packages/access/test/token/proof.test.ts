import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import type { ProofOfPossession } from '@hakiri/core';
import { thumbprintOfKeyFile } from '../../src/token/index.ts';
import { attenuated, issued, NOW, testGate } from './support/parts.ts';

const URL_OF_REQUEST = 'https://hakiri.example/mcp';

interface Holder {
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly alg: string;
  readonly thumbprint: string;
  sign(data: Buffer): Buffer;
}

function holder(kind: 'ed25519' | 'p256'): Holder {
  const { publicKey, privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    jwk: publicKey.export({ format: 'jwk' }) as Record<string, unknown>,
    alg: kind === 'ed25519' ? 'EdDSA' : 'ES256',
    thumbprint: thumbprintOfKeyFile(pem(publicKey)),
    sign: (data) =>
      kind === 'ed25519'
        ? sign(null, data, privateKey)
        : sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  };
}

const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

let proofs = 0;

function proofOf(
  by: Holder,
  token: string,
  changes: { readonly header?: object; readonly claims?: object } = {},
): ProofOfPossession {
  const header = { typ: 'dpop+jwt', alg: by.alg, jwk: by.jwk, ...changes.header };
  const claims = {
    jti: `proof-${proofs++}`,
    htm: 'POST',
    htu: URL_OF_REQUEST,
    iat: NOW / 1000,
    ath: createHash('sha256').update(token).digest('base64url'),
    ...changes.claims,
  };
  const signed = `${part(header)}.${part(claims)}`;
  const signature = by.sign(Buffer.from(signed)).toString('base64url');
  return { jwt: `${signed}.${signature}`, method: 'POST', url: URL_OF_REQUEST };
}

for (const kind of ['ed25519', 'p256'] as const) {
  test(`a proof with a key of ${kind} lets the token in, once`, async () => {
    const { gate } = testGate();
    const by = holder(kind);
    const { token } = issued({ proofKey: by.thumbprint });
    const proof = proofOf(by, token);
    await gate.authenticate({ token, proof });
    await assert.rejects(gate.authenticate({ token, proof }), {
      code: 'token.proof',
      message: /used before/,
    });
    await gate.authenticate({ token, proof: proofOf(by, token) });
  });
}

test('a token that asks for proof is of no use without, and neither is what was made of it', async () => {
  const { gate } = testGate();
  const { token } = issued({ proofKey: holder('p256').thumbprint });
  for (const each of [token, attenuated(token, { tables: ['notes'] })]) {
    await assert.rejects(gate.authenticate({ token: each }), { code: 'token.proof' });
    const proof = { jwt: undefined, method: 'POST', url: URL_OF_REQUEST };
    await assert.rejects(gate.authenticate({ token: each, proof }), { code: 'token.proof' });
  }
});

test('a token that asks for none is let in without', async () => {
  const { gate } = testGate();
  const { token } = issued();
  await gate.authenticate({ token, proof: proofOf(holder('ed25519'), token) });
  await gate.authenticate({ token });
});

test('a proof that does not fit is refused', async () => {
  const { gate, clock } = testGate();
  clock.pass(120_000);
  const by = holder('ed25519');
  const other = holder('ed25519');
  const { token } = issued({ proofKey: by.thumbprint });
  const now = clock.nowMs() / 1000;
  const made = (changes: Parameters<typeof proofOf>[2] = {}) =>
    proofOf(by, token, { ...changes, claims: { iat: now, ...changes.claims } });
  const good = made();
  const [header, claims, signature] = (good.jwt as string).split('.') as [string, string, string];
  const secret = { ...by.jwk, d: 'AAAA' };
  const refused: Readonly<Record<string, ProofOfPossession>> = {
    'of another key': proofOf(other, token, { claims: { iat: now } }),
    'of another key that names the right one': proofOf({ ...other, jwk: by.jwk }, token, {
      claims: { iat: now },
    }),
    'with its secret': made({ header: { jwk: secret } }),
    'without a key': made({ header: { jwk: undefined } }),
    'of another type': made({ header: { typ: 'JWT' } }),
    'without algorithm': made({ header: { alg: 'none' } }),
    'of another algorithm': made({ header: { alg: 'ES256' } }),
    'of a shared secret': made({ header: { alg: 'HS256' } }),
    'that asks for more': made({ header: { crit: ['b64'] } }),
    'for another method': made({ claims: { htm: 'GET' } }),
    'for another address': made({ claims: { htu: 'https://hakiri.example/metrics' } }),
    'for another host': made({ claims: { htu: 'https://evil.example/mcp' } }),
    'for no address': made({ claims: { htu: 'mcp' } }),
    'too old': made({ claims: { iat: now - 61 } }),
    'of the future': made({ claims: { iat: now + 6 } }),
    'of no time': made({ claims: { iat: 'now' } }),
    'for another token': made({ claims: { ath: createHash('sha256').update('x').digest('base64url') } }),
    'for any token': made({ claims: { ath: undefined } }),
    'without an id': made({ claims: { jti: undefined } }),
    'with a long id': made({ claims: { jti: 'x'.repeat(300) } }),
    'with another signature': { ...good, jwt: `${header}.${claims}.${'A'.repeat(86)}` },
    'with other claims': { ...good, jwt: `${header}.${part({ jti: 'x' })}.${signature}` },
    'of two parts': { ...good, jwt: `${header}.${claims}` },
    'of four parts': { ...good, jwt: `${good.jwt}.x` },
    'of no JSON': { ...good, jwt: 'a.b.c' },
    'that is endless': { ...good, jwt: 'a'.repeat(100_000) },
    'of another request': { ...good, url: 'https://hakiri.example/other' },
  };
  for (const [what, proof] of Object.entries(refused)) {
    await assert.rejects(gate.authenticate({ token, proof }), { code: 'token.proof' }, what);
  }
  await gate.authenticate({ token, proof: good });
});

test('query, fragment, letter case of the host and its usual port do not count in an address', async () => {
  const { gate } = testGate();
  const by = holder('p256');
  const { token } = issued({ proofKey: by.thumbprint });
  for (const htu of [`${URL_OF_REQUEST}?a=1#b`, 'HTTPS://HAKIRI.example:443/mcp']) {
    await gate.authenticate({ token, proof: proofOf(by, token, { claims: { htu } }) });
  }
});

test('what was proven before the process started is refused: nobody remembers whether it was used', async () => {
  const { gate } = testGate();
  const by = holder('ed25519');
  const { token } = issued({ proofKey: by.thumbprint });
  const proof = proofOf(by, token, { claims: { iat: NOW / 1000 - 1 } });
  await assert.rejects(gate.authenticate({ token, proof }), {
    code: 'token.proof',
    message: /before this process/,
  });
});

test('a proof stays used when the clock is set back', async () => {
  const { gate, clock } = testGate();
  const by = holder('ed25519');
  const { token } = issued({ proofKey: by.thumbprint });
  const proof = proofOf(by, token);
  await gate.authenticate({ token, proof });
  clock.pass(70_000);
  await gate.authenticate({ token, proof: proofOf(by, token, { claims: { iat: clock.nowMs() / 1000 } }) });
  clock.set(NOW);
  await assert.rejects(gate.authenticate({ token, proof }), { code: 'token.proof' });
});

test('a refused proof says nothing of the token', async () => {
  const { gate } = testGate();
  const { token } = issued({ proofKey: holder('p256').thumbprint });
  await assert.rejects(gate.authenticate({ token }), (error: Error) => {
    assert.ok(!JSON.stringify({ ...error, message: error.message }).includes(token.slice(0, 20)));
    return true;
  });
});

test('the thumbprint is that of RFC 8037 and RFC 7638, from PEM as from JWK', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
  assert.equal(thumbprintOfKeyFile(JSON.stringify(jwk)), 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  assert.throws(() => thumbprintOfKeyFile('nothing'), { code: 'key.invalid' });
});
