import { resolve } from 'node:path';
import { BUILT_IN_MODEL, type Clock, type Embedder, type EmbeddingSpec, HakiriError } from '@hakiri/core';
import { endpointEmbedder } from './endpoint-embedder.ts';
import { hashingEmbedder } from './hashing-embedder.ts';
import { onnxEmbedder } from './onnx-embedder.ts';

export interface Embedders {
  /**
   * The embedder of a model, made when it is first asked for.
   * @throws HakiriError embedding.unknown_model, and what reading the secret throws
   */
  get(model: string): Embedder;
  close(): Promise<void>;
}

export interface EmbeddersOptions {
  readonly embeddings: readonly EmbeddingSpec[];
  readonly projectFolder: string;
  /** The value of a secret by its name. */
  readonly readSecret: (name: string) => string;
  readonly clock: Clock;
}

/** The models of a manifest, and the built-in one. */
export function createEmbedders({
  embeddings,
  projectFolder,
  readSecret,
  clock,
}: EmbeddersOptions): Embedders {
  const made = new Map<string, Embedder>();

  const make = (model: string): Embedder => {
    if (model === BUILT_IN_MODEL) return hashingEmbedder();
    const spec = embeddings.find((each) => each.model === model);
    if (spec === undefined) {
      throw new HakiriError('embedding.unknown_model', `no model "${model}" is defined`, {
        details: { model },
      });
    }
    if (spec.kind === 'folder') {
      return onnxEmbedder({ ...spec, folder: resolve(projectFolder, spec.folder), projectFolder });
    }
    const { secret, ...options } = spec;
    return endpointEmbedder({
      ...options,
      ...(secret === undefined ? {} : { apiKey: readSecret(secret) }),
      clock,
    });
  };

  return {
    get(model) {
      const known = made.get(model);
      if (known !== undefined) return known;
      const embedder = make(model);
      made.set(model, embedder);
      return embedder;
    },
    async close() {
      await Promise.all([...made.values()].map((embedder) => embedder.close()));
      made.clear();
    },
  };
}
