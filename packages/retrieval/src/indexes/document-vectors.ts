import { BUILT_IN_MODEL, type VectorIndexSpec } from '@hakiri/core';
import { embeddingCachePath } from '../embed/cache/cache-file.ts';
import { type CachedVectors, cachedVectors } from '../embed/cache/cached-vectors.ts';
import { hashText } from '../embed/hashing/hash-text.ts';

/** Vectors of rows' texts, as far as they can be had without asking anybody. */
export interface DocumentVectors {
  /** Null for a row without text; undefined where nobody has embedded the text yet. */
  of(
    spec: VectorIndexSpec,
    texts: readonly (string | undefined)[],
  ): readonly (Float32Array | null | undefined)[];
  close(): void;
}

/** The built-in model's are made here; others come from the table's cache, which is only read. */
export function openDocumentVectors(cacheFolder: string): DocumentVectors {
  const caches = new Map<string, CachedVectors>();

  const cacheOf = ({ model, dims }: VectorIndexSpec): CachedVectors => {
    const known = caches.get(model) ?? cachedVectors(embeddingCachePath(cacheFolder, model), dims);
    caches.set(model, known);
    return known;
  };

  return {
    of(spec, texts) {
      if (spec.model === BUILT_IN_MODEL) {
        return texts.map((text) => (text === undefined ? null : hashText(text)));
      }
      const found = cacheOf(spec).of(texts.filter((text) => text !== undefined));
      let next = 0;
      return texts.map((text) => (text === undefined ? null : found[next++]));
    },
    close() {
      for (const cache of caches.values()) cache.close();
    },
  };
}
