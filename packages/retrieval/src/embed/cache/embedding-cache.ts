import type { DatabaseSync } from 'node:sqlite';
import type { Embedder } from '@hakiri/core';
import { guarded, isDamage, openCacheFile, removeCacheFile } from './cache-file.ts';
import { textHash, toBytes, toVector } from './vector-row.ts';

/** What was embedded is kept after as many texts: an endpoint that fails later does not take it along. */
const TEXTS_AT_ONCE = 256;
export interface EmbeddingCache {
  /**
   * One vector a text, in their order. Only texts that are not kept yet are embedded, each once.
   * @throws HakiriError what the embedder throws, store.disk_full, store.io
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]>;
  close(): void;
}

/** Vectors of one model for the texts of one table, shared by all processes. */
export function openEmbeddingCache(path: string, embedder: Embedder): EmbeddingCache {
  const { model } = embedder;
  let db = openCacheFile(path, model);

  /** What a damaged file held is embedded again. */
  const attempt = <T>(work: (db: DatabaseSync) => T): T =>
    guarded(path, () => {
      try {
        return work(db);
      } catch (error) {
        if (!isDamage(error)) throw error;
        db.close();
        removeCacheFile(path);
        db = openCacheFile(path, model);
        return work(db);
      }
    });

  const embedSome = async (
    texts: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<readonly Float32Array[]> => {
    const hashes = texts.map(textHash);
    const known = attempt((file) => read(file, hashes, model.dims));
    const missing = new Map<string, { readonly text: string; readonly hash: Uint8Array }>();
    texts.forEach((text, i) => {
      if (known[i] === undefined) missing.set(text, { text, hash: hashes[i]! });
    });
    if (missing.size === 0) return known as readonly Float32Array[];
    const asked = [...missing.values()];
    const made = await embedder.embed(
      asked.map(({ text }) => text),
      signal === undefined ? { purpose: 'document' } : { purpose: 'document', signal },
    );
    attempt((file) =>
      write(
        file,
        asked.map(({ hash }, i) => ({ hash, vector: made[i]! })),
      ),
    );
    const vectors = new Map(asked.map(({ text }, i) => [text, made[i]!]));
    return texts.map((text, i) => known[i] ?? vectors.get(text)!);
  };

  return {
    async embed(texts, signal) {
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += TEXTS_AT_ONCE) {
        vectors.push(...(await embedSome(texts.slice(from, from + TEXTS_AT_ONCE), signal)));
      }
      return vectors;
    },
    close: () => db.close(),
  };
}

function read(
  db: DatabaseSync,
  hashes: readonly Uint8Array[],
  dims: number,
): readonly (Float32Array | undefined)[] {
  const find = db.prepare('SELECT vector FROM embeddings WHERE hash = ?');
  return hashes.map((hash) => {
    const row = find.get(hash) as { readonly vector: Uint8Array } | undefined;
    return row === undefined ? undefined : toVector(row.vector, dims);
  });
}

interface Entry {
  readonly hash: Uint8Array;
  readonly vector: Float32Array;
}

function write(db: DatabaseSync, entries: readonly Entry[]): void {
  const insert = db.prepare('INSERT OR REPLACE INTO embeddings (hash, vector) VALUES (?, ?)');
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const { hash, vector } of entries) {
      insert.run(hash, toBytes(vector));
    }
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
