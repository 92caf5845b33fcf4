import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUILT_IN_MODEL, type EmbeddingSpec, type TableZones, type VectorIndexSpec } from '@hakiri/core';
import { createEmbedders, hashingEmbedder, mayEmbed } from '../../src/embed/index.ts';
import { DIMS, embeddingServer } from './support/embedding-server.ts';
import { testClock } from './support/test-clock.ts';

const spec = (endpoint: string): EmbeddingSpec => ({
  kind: 'endpoint',
  model: 'org/m',
  dims: DIMS,
  batch: 8,
  queryPrefix: 'query: ',
  documentPrefix: '',
  endpoint,
  zone: 'public-cloud:eu-1',
  secret: 'EMBEDDING_KEY',
  timeoutMs: 1000,
});

test('the models of a manifest, and the built-in one, are made when they are asked for', async () => {
  await using server = await embeddingServer();
  const read: string[] = [];
  const embedders = createEmbedders({
    embeddings: [spec(server.endpoint)],
    projectFolder: '/nowhere',
    readSecret: (name) => {
      read.push(name);
      return 'the-key';
    },
    clock: testClock(),
  });
  assert.equal(embedders.get(BUILT_IN_MODEL).model.kind, 'lexical');
  assert.deepEqual(read, []);
  const embedder = embedders.get('org/m');
  assert.equal(embedders.get('org/m'), embedder);
  assert.deepEqual(embedder.model, { id: 'org/m', dims: DIMS, kind: 'semantic', zone: 'public-cloud:eu-1' });
  await embedder.embed(['a'], { purpose: 'query' });
  assert.deepEqual(read, ['EMBEDDING_KEY']);
  assert.equal(server.seen[0]?.headers.authorization, 'Bearer the-key');
  assert.deepEqual(server.seen[0]?.texts, ['query: a']);
  assert.throws(() => embedders.get('other'), { code: 'embedding.unknown_model' });
  await embedders.close();
});

test('texts are not sent to a zone that a tag leaves out', () => {
  const index: VectorIndexSpec = {
    kind: 'vector',
    name: 'near',
    columns: ['title', 'email'],
    model: 'org/m',
    dims: DIMS,
    metric: 'cosine',
    scan: 'int8',
  };
  const zones = (table: TableZones['table'], email: readonly string[] | undefined): TableZones => ({
    table,
    column: (name) => (name === 'email' && email !== undefined ? [email] : []),
  });
  const far = { id: 'org/m', dims: DIMS, kind: 'semantic', zone: 'public-cloud:eu-1' } as const;
  const local = hashingEmbedder().model;
  mayEmbed(index, zones([], undefined), far);
  mayEmbed(index, zones([['public-cloud:eu-*']], ['public-cloud:*', 'local:device']), far);
  mayEmbed(index, zones([['local:device']], undefined), local);
  const refused = (message: RegExp) => ({ code: 'embedding.zone_refused' as const, message });
  assert.throws(
    () => mayEmbed(index, zones([['public-cloud:*']], ['local:device']), far),
    refused(/"near" would send texts to "public-cloud:eu-1", which .* of "email" leaves out/),
  );
  assert.throws(
    () => mayEmbed(index, zones([['public-cloud:*'], ['on-prem:*']], undefined), far),
    refused(/of the table/),
  );
  assert.throws(() => mayEmbed(index, zones([['on-prem:*']], undefined), local), refused(/"local:device"/));
});
