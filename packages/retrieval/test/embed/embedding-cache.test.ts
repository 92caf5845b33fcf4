import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { type Embedder, HakiriError, type TableName } from '@hakiri/core';
import {
  cachedVectors,
  documentVectors,
  embeddingCacheFolder,
  embeddingCachePath,
  embeddingCaches,
  forgetTexts,
  hashingEmbedder,
  openEmbeddingCache,
  textHash,
} from '../../src/embed/index.ts';
import { DIMS, vectorOf } from './support/embedding-server.ts';

interface Counting extends Embedder {
  readonly asked: string[];
}

/** Embeds, and writes down what it was asked for. */
function counting(model: Partial<Embedder['model']> = {}): Counting {
  const asked: string[] = [];
  return {
    asked,
    model: { id: 'm', dims: DIMS, kind: 'semantic', zone: 'on-prem:a', ...model },
    embed: async (texts, { purpose }) => {
      assert.equal(purpose, 'document');
      asked.push(...texts);
      return texts.map(unit);
    },
    close: async () => {},
  };
}

function unit(text: string): Float32Array {
  const vector = vectorOf(text);
  const length = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / length);
}

function cacheFolder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'hakiri-embeddings-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return embeddingCacheFolder(root, 'demo', 'issues' as TableName);
}

test('a text is embedded once, also beside others, twice in one call, and after the cache was closed', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const embedder = counting();
  const cache = openEmbeddingCache(path, embedder);
  assert.deepEqual(await cache.embed(['a', 'b', 'a', '']), ['a', 'b', 'a', ''].map(unit));
  assert.deepEqual(await cache.embed(['c', 'b']), ['c', 'b'].map(unit));
  cache.close();
  const again = openEmbeddingCache(path, embedder);
  assert.deepEqual(await again.embed(['', 'a', 'b', 'c']), ['', 'a', 'b', 'c'].map(unit));
  again.close();
  assert.deepEqual(embedder.asked, ['a', 'b', '', 'c']);
});

test('what was embedded before an endpoint failed is kept', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const embedder = counting();
  const texts = Array.from({ length: 600 }, (_, i) => `text ${i}`);
  const failing: Embedder = {
    ...embedder,
    embed: (some, options) => {
      if (embedder.asked.length >= 256) throw new HakiriError('embedding.unreachable', 'down');
      return embedder.embed(some, options);
    },
  };
  const cache = openEmbeddingCache(path, failing);
  await assert.rejects(cache.embed(texts), { code: 'embedding.unreachable' });
  cache.close();
  const again = openEmbeddingCache(path, embedder);
  await again.embed(texts);
  again.close();
  assert.deepEqual(embedder.asked, texts);
});

test('models of one name with other vectors share none', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  for (const model of [{}, { variant: 'passage: ' }, { variant: 'passage: ', dims: DIMS }, {}]) {
    const embedder = counting(model);
    const cache = openEmbeddingCache(path, embedder);
    await cache.embed(['a']);
    cache.close();
    assert.equal(embedder.asked.length, 'dims' in model ? 0 : 1);
  }
});

test('names of models that no file may have, or that differ in case alone, get files of their own', (t) => {
  const folder = cacheFolder(t);
  const paths = ['../../x', 'org/model', 'org_model', 'ORG/model', 'm'.repeat(128)].map((model) =>
    embeddingCachePath(folder, model),
  );
  assert.equal(new Set(paths.map((path) => path.toLowerCase())).size, paths.length);
  for (const path of paths) {
    assert.ok(path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/'));
    openEmbeddingCache(path, counting()).close();
  }
  assert.equal(embeddingCaches(folder).length, paths.length);
});

test('a damaged cache is dropped and made again', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const texts = Array.from({ length: 500 }, (_, i) => `text ${i}`);
  const fill = async (): Promise<number> => {
    const embedder = counting();
    const cache = openEmbeddingCache(path, embedder);
    assert.deepEqual(await cache.embed(texts), texts.map(unit));
    cache.close();
    return embedder.asked.length;
  };
  assert.equal(await fill(), 500);
  const damages = [
    () =>
      writeFileSync(
        path,
        'this is no database at all, and longer than a header of one hundred bytes '.repeat(9),
      ),
    () => truncateSync(path, 20_000),
    () =>
      writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 100), Buffer.alloc(40_000, 0x5a)])),
  ];
  for (const damage of damages) {
    damage();
    assert.ok((await fill()) > 0);
    assert.equal(await fill(), 0);
  }
});

test('a cache that is damaged while it is open is made again', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const texts = Array.from({ length: 500 }, (_, i) => `text ${i}`);
  const first = openEmbeddingCache(path, counting());
  await first.embed(texts);
  first.close();
  const embedder = counting();
  const cache = openEmbeddingCache(path, embedder);
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096);
  writeFileSync(path, bytes);
  assert.deepEqual(await cache.embed(texts), texts.map(unit));
  assert.deepEqual(await cache.embed(texts), texts.map(unit));
  cache.close();
  assert.equal(embedder.asked.length, 500);
});

test('a vector that was changed on the disk is not served', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const embedder = counting();
  const cache = openEmbeddingCache(path, embedder);
  await cache.embed(['a', 'b']);
  const db = new DatabaseSync(path);
  db.prepare('UPDATE embeddings SET vector = ? WHERE hash = ?').run(new Uint8Array(DIMS * 4), textHash('a'));
  db.prepare('UPDATE embeddings SET vector = ? WHERE hash = ?').run(new Uint8Array(3), textHash('b'));
  db.close();
  assert.deepEqual(await cache.embed(['a', 'b']), ['a', 'b'].map(unit));
  cache.close();
  assert.deepEqual(embedder.asked, ['a', 'b', 'a', 'b']);
});

test('processes share a cache', { timeout: 30_000 }, async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const program = join(import.meta.dirname, 'support', 'cache-program.ts');
  const children = [0, 1, 2].map((i) =>
    spawn(process.execPath, [program, path, `${i}`], { stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const codes = await Promise.all(
    children.map((child) => new Promise<number | null>((resolve) => child.on('exit', resolve))),
  );
  assert.deepEqual(codes, [0, 0, 0]);
  const embedder = counting();
  const cache = openEmbeddingCache(path, embedder);
  const texts = Array.from({ length: 400 }, (_, i) => `text ${i}`);
  assert.deepEqual(await cache.embed(texts), texts.map(unit));
  cache.close();
  assert.deepEqual(embedder.asked, []);
});

test('what is forgotten is in neither the file nor its log, and the rest is kept', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const embedder = counting();
  const cache = openEmbeddingCache(path, embedder);
  const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);
  await cache.embed(texts);
  const kept = texts.filter((_, i) => i % 3 !== 0);
  assert.equal(forgetTexts(path, kept.map(textHash)), 100);
  const bytes = Buffer.concat(
    readdirSync(join(path, '..')).map((name) => readFileSync(join(path, '..', name))),
  );
  for (const text of texts.filter((_, i) => i % 3 === 0)) {
    assert.ok(!bytes.includes(textHash(text)), text);
    assert.ok(!bytes.includes(Buffer.from(unit(text).buffer)), text);
  }
  embedder.asked.length = 0;
  assert.deepEqual(await cache.embed(texts), texts.map(unit));
  assert.equal(embedder.asked.length, 100);
  cache.close();
  assert.equal(forgetTexts(path, []), 300);
  assert.equal(forgetTexts(join(path, '..', 'not-there.sqlite'), []), 0);
  writeFileSync(path, 'damaged '.repeat(100));
  assert.equal(forgetTexts(path, []), 0);
  assert.ok(!existsSync(path));
});

test('a process that may not embed reads what is there, also after the cache was made again', async (t) => {
  const path = embeddingCachePath(cacheFolder(t), 'm');
  const reader = cachedVectors(path, DIMS);
  assert.deepEqual(reader.of(['a']), [undefined]);
  const cache = openEmbeddingCache(path, counting());
  await cache.embed(['a']);
  assert.deepEqual(reader.of(['a', 'b']), [unit('a'), undefined]);
  cache.close();
  const other = openEmbeddingCache(path, counting({ variant: 'x' }));
  assert.deepEqual(reader.of(['a']), [undefined]);
  await other.embed(['b']);
  assert.deepEqual(reader.of(['a', 'b']), [undefined, unit('b')]);
  other.close();
  reader.close();
  rmSync(`${path}-wal`, { force: true });
  writeFileSync(path, 'damaged '.repeat(100));
  assert.deepEqual(reader.of(['b']), [undefined]);
  reader.close();
});

test('the built-in model needs no cache', async (t) => {
  const folder = cacheFolder(t);
  const vectors = documentVectors(hashingEmbedder(), folder);
  assert.equal((await vectors.embed(['a', 'b'])).length, 2);
  vectors.close();
  assert.deepEqual(embeddingCaches(folder), []);
});
