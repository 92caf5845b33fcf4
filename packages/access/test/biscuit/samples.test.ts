import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { createSymbols, readBlock, readEnvelope, verifyChain } from '../../src/biscuit/index.ts';
import { createGatekeeper } from '../../src/token/index.ts';
import { testClock } from '../token/support/parts.ts';

interface Sample {
  readonly title: string;
  readonly filename: string;
  readonly token: readonly { readonly code: string }[];
  readonly validations: Readonly<
    Record<string, { readonly result: Result; readonly revocation_ids: readonly string[] }>
  >;
}
type Result = { readonly Ok: number } | { readonly Err: { readonly Format?: unknown } };

interface Samples {
  readonly root_public_key: string;
  readonly testcases: readonly Sample[];
}

/** The samples of the specification, where HAKIRI_BISCUIT_SAMPLES says, or in a data folder beside the checkout. */
const SAMPLES =
  process.env.HAKIRI_BISCUIT_SAMPLES ??
  dirname(globSync('../*/data/biscuit-samples/samples.json', { cwd: root() })[0] ?? '');
const isThere = SAMPLES !== '.';

/** By design: a library for one kind of key is half as much to get wrong. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'test036_secp256r1.bc': /not an Ed25519 key/,
  'test037_secp256r1_third_party.bc': /not an Ed25519 key/,
};

/**
 * Where every block is of facts and checks of the time: the rest (rules, scopes, other checks, terms of later
 * versions, public keys) is refused by design.
 */
const READ_WHOLE: readonly string[] = [
  'test010_authorizer_scope.bc',
  'test011_authorizer_authority_caveats.bc',
  'test015_multi_queries_caveats.bc',
  'test021_parsing.bc',
  'test022_default_symbols.bc',
];

function root(): string {
  return join(import.meta.dirname, '../../../..');
}

describe('the samples of the specification', {
  skip: isThere ? false : 'NO SAMPLES: set HAKIRI_BISCUIT_SAMPLES to their folder; NOTHING WAS COMPARED',
}, () => {
  const { root_public_key, testcases } = isThere
    ? (JSON.parse(readFileSync(resolve(root(), SAMPLES, 'samples.json'), 'utf8')) as Samples)
    : { root_public_key: '', testcases: [] };
  const key = Buffer.from(root_public_key, 'hex');
  const bytesOf = (sample: Sample): Buffer => readFileSync(resolve(root(), SAMPLES, sample.filename));

  for (const sample of testcases) {
    it(`${sample.filename}: ${sample.title}`, () => {
      const outcomes = Object.values(sample.validations);
      const refused = REFUSED[sample.filename];
      if (refused !== undefined) {
        assert.throws(() => readEnvelope(bytesOf(sample)), { message: refused });
        return;
      }
      if (outcomes.every(({ result }) => 'Err' in result && result.Err.Format !== undefined)) {
        assert.throws(() => verifyChain(readEnvelope(bytesOf(sample)), [key]), { code: 'token.invalid' });
        return;
      }
      const envelope = readEnvelope(bytesOf(sample));
      verifyChain(envelope, [key]);
      const ids = envelope.blocks.map(({ signature }) => Buffer.from(signature).toString('hex'));
      for (const { revocation_ids } of outcomes) assert.deepEqual(ids, revocation_ids);
    });
  }

  it('facts are read as they are stated, and whatever is more than facts is refused', () => {
    for (const sample of testcases.filter(({ filename }) => !(filename in REFUSED))) {
      const read = () => {
        const symbols = createSymbols();
        return readEnvelope(bytesOf(sample)).blocks.map(({ payload, external }) =>
          readBlock(payload, external === undefined ? symbols : createSymbols()),
        );
      };
      if (!READ_WHOLE.includes(sample.filename)) {
        // Files with damaged signatures may hold blocks that could be read.
        if (sample.token.some(({ code }) => /check|<-|reject/.test(code))) {
          assert.throws(read, { code: 'token.invalid' }, sample.filename);
        }
        continue;
      }
      const written = read().map(({ facts }) =>
        facts
          .map(({ name, terms }) => {
            const values = terms.map((term) =>
              term.kind === 'text' ? `"${term.text}"` : term.kind === 'integer' ? term.value : '?',
            );
            return `${name}(${values.join(', ')});\n`;
          })
          .join(''),
      );
      assert.deepEqual(
        written,
        sample.token.map(({ code }) => code),
      );
    }
  });

  it('none of them is a token of ours', async () => {
    const gatekeeper = createGatekeeper({
      publicKeys: () => [`ed25519/${root_public_key}`],
      clock: testClock(),
      revocations: { isRevoked: () => false },
    });
    for (const sample of testcases) {
      const token = bytesOf(sample).toString('base64url');
      await assert.rejects(gatekeeper.authenticate({ token }), { code: /^token\./ }, sample.filename);
    }
  });
});
