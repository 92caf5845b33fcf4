/**
 * The other library of the format, in a process of its own: it writes to standard output when it is loaded, traps,
 * and keeps memory. Answers each message with `{ value }` or `{ error }`.
 */
import type * as Biscuit from '@biscuit-auth/biscuit-wasm';
import type { OracleRequest } from './oracle.ts';

const {
  Biscuit: Token,
  KeyPair,
  PrivateKey,
  PublicKey,
} = (await import('@biscuit-auth/biscuit-wasm')) as typeof Biscuit;
const ED25519 = 0;

const pairOf = (seed: string) =>
  KeyPair.fromPrivateKey(PrivateKey.fromBytes(Buffer.from(seed, 'hex'), ED25519));
const keyOf = (key: string) => PublicKey.fromBytes(Buffer.from(key.replace('ed25519/', ''), 'hex'), ED25519);

function answer(request: OracleRequest): unknown {
  if (request.do === 'issue') {
    const builder = Token.builder();
    builder.addCode(request.code);
    return builder.build(pairOf(request.seed).getPrivateKey()).toBase64();
  }
  const token = Token.fromBase64(request.token, keyOf(request.key));
  switch (request.do) {
    case 'append': {
      const block = Token.block_builder();
      block.addCode(request.code);
      return token.appendBlock(block).toBase64();
    }
    case 'append_third_party': {
      const block = Token.block_builder();
      block.addCode(request.code);
      const pair = pairOf(request.seed);
      const signed = token.getThirdPartyRequest().createBlock(pair.getPrivateKey(), block);
      return token.appendThirdPartyBlock(pair.getPublicKey(), signed).toBase64();
    }
    case 'seal':
      return token.sealToken().toBase64();
    case 'read':
      return {
        ids: token.getRevocationIdentifiers(),
        blocks: Array.from({ length: token.countBlocks() }, (_, index) => token.getBlockSource(index)),
      };
  }
}

process.on('message', (request: OracleRequest) => {
  try {
    process.send?.({ value: answer(request) });
  } catch (error) {
    process.send?.({ error: typeof error === 'string' ? error : (JSON.stringify(error) ?? String(error)) });
  }
});
process.send?.('ready');
