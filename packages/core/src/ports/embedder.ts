/**
 * Makes vectors of texts. Whatever stands behind it, the same text gives the same vector: an embedding is cached by
 * model and text, and never asked for twice.
 */
export interface Embedder {
  readonly model: EmbeddingModel;
  /**
   * One vector a text, in their order, each of `model.dims` floats and of length 1.
   * @throws HakiriError embedding.unreachable, embedding.refused, embedding.dimension, embedding.timeout, embedding.bad_answer
   */
  embed(texts: readonly string[], options: EmbedOptions): Promise<readonly Float32Array[]>;
  close(): Promise<void>;
}

export interface EmbeddingModel {
  /** As the manifest names it; travels with every vector. */
  readonly id: string;
  readonly dims: number;
  /** `lexical`: words and their pieces, no meaning behind them. */
  readonly kind: 'lexical' | 'semantic';
  /** Where texts are sent; undefined where they stay in this process. */
  readonly zone: string | undefined;
  /** What else decides its vectors, such as a prefix; two models of one name and another variant share no vector. */
  readonly variant?: string;
}

export interface EmbedOptions {
  /** Some models embed a question otherwise than what it is asked of. */
  readonly purpose: 'document' | 'query';
  readonly signal?: AbortSignal;
}
