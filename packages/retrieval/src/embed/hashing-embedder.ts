import { setImmediate } from 'node:timers/promises';
import { BUILT_IN_DIMS, BUILT_IN_MODEL, type Embedder } from '@hakiri/core';
import { hashText } from './hashing/hash-text.ts';

/** About what fits into five milliseconds: others in the process have their turn in between. */
const CHARACTERS_AT_ONCE = 16_384;

/**
 * The model that needs no weights, no file and no network: words and pieces of words of three to five letters, hashed
 * into one vector. It finds words and their other forms; it knows nothing of meaning.
 */
export function hashingEmbedder(): Embedder {
  return {
    model: { id: BUILT_IN_MODEL, dims: BUILT_IN_DIMS, kind: 'lexical', zone: undefined },
    async embed(texts, { signal }) {
      const vectors: Float32Array[] = [];
      let characters = 0;
      for (const text of texts) {
        signal?.throwIfAborted();
        vectors.push(hashText(text));
        characters += text.length;
        if (characters < CHARACTERS_AT_ONCE) continue;
        characters = 0;
        await setImmediate();
      }
      return vectors;
    },
    close: async () => {},
  };
}
