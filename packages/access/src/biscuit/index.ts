export {
  BLOCK_VERSION,
  type Block,
  type Fact,
  MAX_STATEMENTS,
  type Term,
  THIRD_PARTY_BLOCK_VERSION,
  type TimeCheck,
} from './block.ts';
export { type KeyPair, keyPairOf, publicKeyObject, seedOf } from './ed25519.ts';
export {
  type Envelope,
  MAX_BLOCKS,
  MAX_TOKEN_BYTES,
  readEnvelope,
  type SignedBlock,
  writeEnvelope,
} from './envelope.ts';
export { tooLarge } from './malformed.ts';
export { readBlock } from './read-block.ts';
export { appendSigned, signAuthority, verifyChain, verifyLinks } from './signatures.ts';
export { createSymbols, type Symbols } from './symbols.ts';
export { fromText, toText } from './text-form.ts';
export { writeBlock } from './write-block.ts';
