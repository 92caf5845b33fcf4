import { openEmbeddingCache } from '../../../src/embed/index.ts';
import { DIMS, vectorOf } from './embedding-server.ts';

/** Embeds 400 texts through the cache at `argv[2]`, starting elsewhere in each process. */
const [, , path = '', shift = '0'] = process.argv;
const cache = openEmbeddingCache(path, {
  model: { id: 'm', dims: DIMS, kind: 'semantic', zone: 'on-prem:a' },
  embed: async (texts) =>
    texts.map((text) => {
      const vector = vectorOf(text);
      const length = Math.hypot(...vector);
      return Float32Array.from(vector, (value) => value / length);
    }),
  close: async () => {},
});
for (let from = 0; from < 400; from += 20) {
  const at = (from + Number(shift) * 130) % 400;
  await cache.embed(Array.from({ length: 20 }, (_, i) => `text ${(at + i) % 400}`));
}
cache.close();
