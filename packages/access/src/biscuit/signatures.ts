import { isSignedBy, type KeyPair, keyPairOf, newKeyPair, signBytes } from './ed25519.ts';
import type { Envelope, SignedBlock } from './envelope.ts';
import { malformed, notSignedHere } from './malformed.ts';

/** The number of Ed25519, as it is signed. */
const ALGORITHM = Buffer.alloc(4);
const VERSION_1 = Buffer.from([1, 0, 0, 0]);

type Signed = Pick<SignedBlock, 'payload' | 'nextKey' | 'external' | 'version'>;

/**
 * Whether every block was signed with the key that the one before it names, the first with one of the project's.
 * @param rootKeys 32 bytes each
 * @returns the key of the project that it was signed with
 * @throws HakiriError token.invalid
 */
export function verifyChain(envelope: Envelope, rootKeys: readonly Uint8Array[]): Uint8Array {
  const [authority] = envelope.blocks as [SignedBlock];
  const candidates =
    envelope.rootKeyId === undefined ? rootKeys : rootKeys.slice(envelope.rootKeyId).slice(0, 1);
  const root = candidates.find((key) =>
    isSignedBy(key, blockData(authority, undefined), authority.signature),
  );
  if (root === undefined || authority.external !== undefined) throw notSignedHere();
  verifyLinks(envelope);
  return root;
}

/**
 * The same without the first block's signature: for holders, who need no key of the project.
 * @throws HakiriError token.invalid
 */
export function verifyLinks({ blocks, proof }: Envelope): void {
  blocks.slice(1).forEach((block, index) => {
    const before = blocks[index] as SignedBlock;
    if (!isSignedBy(before.nextKey, blockData(block, before.signature), block.signature))
      throw notSignedHere();
    if (block.external !== undefined) verifyExternal(block, before);
  });
  const last = blocks.at(-1) as SignedBlock;
  const isProven =
    proof.kind === 'seed'
      ? Buffer.compare(keyPairOf(proof.seed).publicKey, last.nextKey) === 0
      : isSignedBy(last.nextKey, sealData(last), proof.signature);
  if (!isProven) throw notSignedHere();
}

/** The first version of a third party's signature could be carried to another token. */
function verifyExternal({ payload, external, version }: SignedBlock, before: SignedBlock): void {
  if (version !== 1) throw malformed('a third party signed a block in a form that is not safe');
  if (external === undefined) return;
  if (!isSignedBy(external.publicKey, externalData(payload, before.signature), external.signature)) {
    throw notSignedHere();
  }
}

export function signAuthority(payload: Uint8Array, root: KeyPair): Envelope {
  const next = newKeyPair();
  const block: Signed = { payload, nextKey: next.publicKey, external: undefined, version: 0 };
  const signature = signBytes(root.seed, blockData(block, undefined));
  return {
    rootKeyId: undefined,
    blocks: [{ ...block, signature }],
    proof: { kind: 'seed', seed: next.seed },
  };
}

/**
 * A token with one more block.
 * @param thirdParty who else signs it
 * @throws HakiriError token.invalid for a sealed token
 */
export function appendSigned(envelope: Envelope, payload: Uint8Array, thirdParty?: KeyPair): Envelope {
  const { blocks, proof } = envelope;
  if (proof.kind === 'sealed') throw malformed('it is sealed: nothing can be added to it');
  const last = blocks.at(-1) as SignedBlock;
  const external = thirdParty && {
    publicKey: thirdParty.publicKey,
    signature: signBytes(thirdParty.seed, externalData(payload, last.signature)),
  };
  const next = newKeyPair();
  const version = external === undefined ? last.version : 1;
  const block: Signed = { payload, nextKey: next.publicKey, external, version };
  const signature = signBytes(proof.seed, blockData(block, last.signature));
  return {
    ...envelope,
    blocks: [...blocks, { ...block, signature }],
    proof: { kind: 'seed', seed: next.seed },
  };
}

/** What is signed of a block. @param before the signature of the block before; undefined for the first */
function blockData(
  { payload, nextKey, external, version }: Signed,
  before: Uint8Array | undefined,
): Uint8Array {
  const externalSignature = external?.signature;
  if (version === 0) {
    return Buffer.concat([payload, externalSignature ?? Buffer.alloc(0), ALGORITHM, nextKey]);
  }
  return Buffer.concat([
    tag('BLOCK'),
    tag('VERSION'),
    VERSION_1,
    tag('PAYLOAD'),
    payload,
    tag('ALGORITHM'),
    ALGORITHM,
    tag('NEXTKEY'),
    nextKey,
    ...(before === undefined ? [] : [tag('PREVSIG'), before]),
    ...(externalSignature === undefined ? [] : [tag('EXTERNALSIG'), externalSignature]),
  ]);
}

function externalData(payload: Uint8Array, before: Uint8Array): Uint8Array {
  return Buffer.concat([
    tag('EXTERNAL'),
    tag('VERSION'),
    VERSION_1,
    tag('PAYLOAD'),
    payload,
    tag('PREVSIG'),
    before,
  ]);
}

function sealData({ payload, nextKey, signature }: SignedBlock): Uint8Array {
  return Buffer.concat([payload, ALGORITHM, nextKey, signature]);
}

const tag = (name: string): Uint8Array => Buffer.from(`\0${name}\0`);
