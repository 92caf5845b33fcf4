import { BUILT_IN_MODEL, type VectorIndexSpec } from '@hakiri/core';
import { hashText } from '../embed/hashing/hash-text.ts';

/** Vectors of rows' texts, as far as they can be had without asking anybody. */
export interface DocumentVectors {
  /** Null for a row without text; undefined where nobody has embedded the text yet. */
  of(
    spec: VectorIndexSpec,
    texts: readonly (string | undefined)[],
  ): Promise<readonly (Float32Array | null | undefined)[]>;
}

/** The built-in model's are made here; others come from the cache. */
export function documentVectors(_cache: string): DocumentVectors {
  return {
    async of(spec, texts) {
      if (spec.model !== BUILT_IN_MODEL) return texts.map(() => undefined);
      return texts.map((text) => (text === undefined ? null : hashText(text)));
    },
  };
}
