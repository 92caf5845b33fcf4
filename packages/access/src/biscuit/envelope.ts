import { malformed, tooLarge } from './malformed.ts';
import { type Message, readMessage, type Shape } from './read-message.ts';
import { type Part, writeMessage } from './write-message.ts';

export const MAX_TOKEN_BYTES = 16 * 1024;
export const MAX_BLOCKS = 8;

/** A token as it travels: blocks that are not looked into yet, their signatures, and what the next is signed with. */
export interface Envelope {
  /** Which of the project's keys it was signed with; outside every signature. */
  readonly rootKeyId: number | undefined;
  /** The authority's first. */
  readonly blocks: readonly SignedBlock[];
  readonly proof: Proof;
}

export interface SignedBlock {
  readonly payload: Uint8Array;
  /** 32 bytes: what the next block is signed with. */
  readonly nextKey: Uint8Array;
  /** 64 bytes. Also the block's revocation id. */
  readonly signature: Uint8Array;
  /** Of a third party. */
  readonly external: { readonly signature: Uint8Array; readonly publicKey: Uint8Array } | undefined;
  /** Of what is signed. */
  readonly version: 0 | 1;
}

export type Proof =
  /** The seed of the last `nextKey`: whoever has it may add a block. */
  | { readonly kind: 'seed'; readonly seed: Uint8Array }
  | { readonly kind: 'sealed'; readonly signature: Uint8Array };

const TOKEN: Shape = {
  1: ['number', 'optional'],
  2: ['bytes', 'one'],
  3: ['bytes', 'many'],
  4: ['bytes', 'one'],
};
const SIGNED: Shape = {
  1: ['bytes', 'one'],
  2: ['bytes', 'one'],
  3: ['bytes', 'one'],
  4: ['bytes', 'optional'],
  5: ['number', 'optional'],
};
const EXTERNAL: Shape = { 1: ['bytes', 'one'], 2: ['bytes', 'one'] };
const KEY: Shape = { 1: ['number', 'one'], 2: ['bytes', 'one'] };
const PROOF: Shape = { 1: ['bytes', 'optional'], 2: ['bytes', 'optional'] };

/** @throws HakiriError token.invalid, token.too_large */
export function readEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length > MAX_TOKEN_BYTES) throw tooLarge(`more than ${MAX_TOKEN_BYTES} bytes`);
  const token = readMessage(bytes, TOKEN);
  const blocks = [token.bytes(2), ...token.all(3)];
  if (blocks.length > MAX_BLOCKS) throw tooLarge(`more than ${MAX_BLOCKS} blocks`);
  return {
    rootKeyId: token.has(1) ? token.number(1) : undefined,
    blocks: blocks.map(readSigned),
    proof: readProof(readMessage(token.bytes(4), PROOF)),
  };
}

export function writeEnvelope({ rootKeyId, blocks, proof }: Envelope): Uint8Array {
  const [authority, ...others] = blocks.map(writeSigned);
  return writeMessage([
    [1, rootKeyId],
    [2, authority],
    ...others.map((block): Part => [3, block]),
    [4, writeMessage([proof.kind === 'seed' ? [1, proof.seed] : [2, proof.signature]])],
  ]);
}

function readSigned(bytes: Uint8Array): SignedBlock {
  const block = readMessage(bytes, SIGNED);
  return {
    payload: block.bytes(1),
    nextKey: readKey(block.bytes(2)),
    signature: sized(block.bytes(3), 64),
    external: block.has(4) ? readExternal(block.bytes(4)) : undefined,
    version: readVersion(block),
  };
}

/** Version 0 is not written down: the first version's signature would not cover it. */
function readVersion(block: Message): 0 | 1 {
  if (!block.has(5)) return 0;
  if (block.number(5) !== 1) throw malformed('its signatures are of an unknown version');
  return 1;
}

function readExternal(bytes: Uint8Array): NonNullable<SignedBlock['external']> {
  const external = readMessage(bytes, EXTERNAL);
  return { signature: sized(external.bytes(1), 64), publicKey: readKey(external.bytes(2)) };
}

function readKey(bytes: Uint8Array): Uint8Array {
  const key = readMessage(bytes, KEY);
  if (key.number(1) !== 0) throw malformed('a key in it is not an Ed25519 key');
  return sized(key.bytes(2), 32);
}

function readProof(proof: Message): Proof {
  return proof.only === 1
    ? { kind: 'seed', seed: sized(proof.bytes(1), 32) }
    : { kind: 'sealed', signature: sized(proof.bytes(2), 64) };
}

function sized(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw malformed('a key or a signature has the wrong length');
  return bytes;
}

function writeSigned({ payload, nextKey, signature, external, version }: SignedBlock): Uint8Array {
  return writeMessage([
    [1, payload],
    [2, writeKey(nextKey)],
    [3, signature],
    [
      4,
      external &&
        writeMessage([
          [1, external.signature],
          [2, writeKey(external.publicKey)],
        ]),
    ],
    [5, version === 0 ? undefined : version],
  ]);
}

function writeKey(key: Uint8Array): Uint8Array {
  return writeMessage([
    [1, 0],
    [2, key],
  ]);
}
