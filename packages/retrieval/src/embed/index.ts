export { embeddingCacheFolder, embeddingCachePath } from './cache/cache-file.ts';
export { type EmbeddingCache, openEmbeddingCache, textHash } from './cache/embedding-cache.ts';
export { embeddingCaches, forgetTexts } from './cache/forget-texts.ts';
export { createEmbedders, type Embedders, type EmbeddersOptions } from './create-embedders.ts';
export { type DocumentVectors, documentVectors } from './document-vectors.ts';
export { type EndpointOptions, endpointEmbedder } from './endpoint-embedder.ts';
export { hashingEmbedder } from './hashing-embedder.ts';
export { mayEmbed } from './may-embed.ts';
export { type FolderOptions, onnxEmbedder } from './onnx-embedder.ts';
