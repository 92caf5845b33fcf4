import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, seededRandom, TEST_SEED } from '../../../../test/support/random.ts';
import { fromText, keyPairOf, readEnvelope, toText, writeEnvelope } from '../../src/biscuit/index.ts';
import { createGatekeeper, passProofOn } from '../../src/token/index.ts';
import { thumbprintOfEd25519 } from '../../src/token/thumbprint.ts';
import { issued, KEY, testClock, tokenOfBlocks } from './support/parts.ts';

/** All of them with `npm run test:fuzz`; a sample otherwise. */
const isWhole = process.env.HAKIRI_FUZZ_COUNT !== undefined;
const MUTATIONS = isWhole ? 100_000 : 4_000;
/** One bit in so many. */
const STRIDE = isWhole ? 1 : 41;

const random = seededRandom(TEST_SEED);
const whole = `HAKIRI_SEED=${TEST_SEED}${isWhole ? ' HAKIRI_FUZZ_COUNT=1' : ''}`;

/** Of every number of blocks, one whose proof was passed on, one that names its root key. */
const TOKENS: readonly Uint8Array[] = [
  ...Array.from({ length: 8 }, (_, index) => fromText(tokenOfBlocks(index + 1))),
  passedOn(),
  writeEnvelope({ ...readEnvelope(fromText(tokenOfBlocks(2))), rootKeyId: 0 }),
];

function passedOn(): Uint8Array {
  const old = keyPairOf(Buffer.alloc(32, 3));
  const { token } = issued({ proofKey: thumbprintOfEd25519(old.publicKey) });
  return fromText(passProofOn(token, old.seed, 'A'.repeat(43)).token);
}

function isAccepted(bytes: Uint8Array): boolean {
  try {
    gate.verify(toText(bytes));
    return true;
  } catch (error) {
    assert.match((error as { code: string }).code, /^token\./);
    return false;
  }
}

const gate = createGatekeeper({
  publicKeys: () => [KEY.publicKey],
  clock: testClock(),
  revocations: { isRevoked: () => false },
});

test('the tokens that are changed are good ones', () => {
  for (const bytes of TOKENS) assert.ok(isAccepted(bytes));
});

test('no token with one bit flipped is accepted', () => {
  for (const bytes of TOKENS) {
    for (let bit = random.below(STRIDE); bit < bytes.length * 8; bit += STRIDE) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      assert.ok(!isAccepted(flipped), `${whole}: bit ${bit} of a token of ${bytes.length} bytes`);
    }
  }
});

test('no mutated token is accepted', () => {
  for (let i = 0; i < MUTATIONS; i++) {
    const mutation = random.pick(MUTATE);
    const original = random.pick(TOKENS);
    const mutated = mutation(original, random);
    if (TOKENS.some((token) => Buffer.compare(token, mutated) === 0)) continue;
    assert.ok(!isAccepted(mutated), `${whole}: mutation ${i}, ${mutation.name}`);
  }
});

const MUTATE = [changeBytes, cut, insert, remove, repeat, exchange, stretchNumber, otherBlocks];

function changeBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(bytes);
  for (let i = 0; i <= random.below(4); i++) changed[random.below(changed.length)] = random.below(256);
  return changed;
}

function cut(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, random.below(bytes.length));
}

function insert(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const more = Buffer.from(random.many(1 + random.below(8), () => random.below(256)));
  return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
}

function remove(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(40))]);
}

function repeat(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const end = at + 1 + random.below(120);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
}

function exchange(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(bytes);
  const [a, b] = [random.below(bytes.length), random.below(bytes.length)];
  const length = 1 + random.below(64);
  changed.set(bytes.subarray(a, Math.min(a + length, bytes.length - Math.max(0, b - a))), b);
  return changed;
}

/** A byte written as a number of two bytes that says the same. */
function stretchNumber(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length);
  const byte = bytes[at] as number;
  return Buffer.concat([bytes.subarray(0, at), Uint8Array.of(byte | 128, byte >> 7), bytes.subarray(at + 1)]);
}

/** Blocks of good tokens in another order, or from one another, well formed. */
function otherBlocks(bytes: Uint8Array, random: Random): Uint8Array {
  const envelope = readEnvelope(bytes);
  const other = readEnvelope(random.pick(TOKENS));
  const blocks = [...envelope.blocks];
  const at = random.below(blocks.length);
  const from = random.pick(other.blocks);
  switch (random.below(4)) {
    case 0:
      blocks.splice(at, 1, from);
      break;
    case 1:
      blocks.splice(at, 0, from);
      break;
    case 2:
      if (blocks.length > 1) blocks.splice(at, 1);
      break;
    default:
      return writeEnvelope({ ...envelope, proof: other.proof });
  }
  return writeEnvelope({ ...envelope, blocks });
}
