import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FolderOptions, onnxEmbedder } from '../../src/embed/index.ts';
import { embedderConformance, nearness } from './support/conformance.ts';
import { TINY_DIMS, type TinyOptions, tokenId, tokenVector, writeTinyModel } from './support/tiny-model.ts';

/** The package is large and optional: `npm install --ignore-scripts` in `peer/`, or a folder that has it. */
const PEER = process.env.HAKIRI_ONNXRUNTIME ?? join(import.meta.dirname, 'peer');
const MISSING = isInstalled(PEER)
  ? false
  : `onnxruntime-node is not installed: NOTHING RUNS A MODEL HERE until \`npm install --ignore-scripts\` was run in ${PEER}`;

if (MISSING === false) {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-model-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  writeTinyModel(folder);
  embedderConformance('folder', async () => onnxEmbedder(options(folder)));
}

test('tokens of a text are pooled, and padding does not count', { skip: MISSING }, async (t) => {
  const embed = await open(t, {});
  const ids = ['[CLS]', 'memory', 'leak', '##s', '[SEP]'].map(tokenId);
  const [short, long] = await embed(['Memory  LEAKS', 'a parquet parquet parquet parquet parquet']);
  assert.ok(nearness(short!, unit(meanOf(ids))) > 0.99999);
  assert.ok(nearness(short!, long!) < 0.99);
});

test('a folder says when the first token alone counts', { skip: MISSING }, async (t) => {
  const embed = await open(t, { pooling: 'first' });
  const [a, b] = await embed(['memory', 'parquet leaks']);
  assert.ok(nearness(a!, unit(tokenVector(tokenId('[CLS]')))) > 0.99999);
  assert.ok(nearness(a!, b!) > 0.99999);
});

test('a model that pools by itself is taken at its word', { skip: MISSING }, async (t) => {
  const embed = await open(t, { output: 'sentence_embedding' });
  const ids = ['[CLS]', 'memory', '[SEP]'].map(tokenId);
  const greatest = Array.from({ length: TINY_DIMS }, (_, i) =>
    Math.max(...ids.map((id) => tokenVector(id)[i]!)),
  );
  const [vector] = await embed(['memory']);
  assert.ok(nearness(vector!, unit(greatest)) > 0.99999);
});

test('a text that is too long is cut, and still ends', { skip: MISSING }, async (t) => {
  const embed = await open(t, { maxTokens: 4 });
  const [vector] = await embed(['memory parquet leak number a']);
  assert.ok(nearness(vector!, unit(meanOf(['[CLS]', 'memory', 'parquet', '[SEP]'].map(tokenId)))) > 0.99999);
});

test('a model of another size than the manifest says is refused', { skip: MISSING }, async (t) => {
  const embed = await open(t, {}, { dims: TINY_DIMS + 1 });
  await assert.rejects(embed(['a']), { code: 'embedding.dimension', message: /of 8 numbers, .* says 9/ });
});

test('a file that is no model is told', { skip: MISSING }, async (t) => {
  const folder = modelFolder(t, {});
  writeFileSync(join(folder, 'onnx', 'model.onnx'), 'no model');
  const embedder = onnxEmbedder(options(folder));
  await assert.rejects(embedder.embed(['a'], { purpose: 'document' }), {
    code: 'embedding.folder',
    message: /the model cannot be loaded/,
  });
  await embedder.close();
});

test('a folder that lacks a file is told by the name of it', async (t) => {
  const folder = modelFolder(t, {});
  const told = async (message: RegExp): Promise<void> => {
    const embedder = onnxEmbedder(options(folder));
    await assert.rejects(embedder.embed(['a'], { purpose: 'document' }), {
      code: 'embedding.folder',
      message,
    });
    await embedder.close();
  };
  writeFileSync(join(folder, 'tokenizer.json'), '[]');
  await told(/tokenizer\.json is not a JSON object/);
  rmSync(join(folder, 'tokenizer.json'));
  await told(/there is no tokenizer\.json/);
  rmSync(join(folder, 'onnx'), { recursive: true });
  await told(/there is no model\.onnx or onnx\/model\.onnx/);
});

test('without the optional package the message says how to get it', async (t) => {
  const folder = modelFolder(t, {});
  const embedder = onnxEmbedder({ ...options(folder), projectFolder: folder });
  await assert.rejects(embedder.embed(['a'], { purpose: 'document' }), (error: Error & { hint?: string }) => {
    assert.match(error.message, /needs the package onnxruntime-node/);
    assert.match(error.hint ?? '', /npm install --ignore-scripts onnxruntime-node/);
    return true;
  });
  await embedder.close();
});

function isInstalled(folder: string): boolean {
  try {
    createRequire(join(folder, 'package.json')).resolve('onnxruntime-node');
    return true;
  } catch {
    return false;
  }
}

function options(folder: string): FolderOptions {
  return { folder, projectFolder: PEER, model: 'tiny', dims: TINY_DIMS, batch: 4 };
}

function modelFolder(t: TestContext, tiny: TinyOptions): string {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-model-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeTinyModel(folder, tiny);
  return folder;
}

async function open(t: TestContext, tiny: TinyOptions, more: Partial<FolderOptions> = {}) {
  const embedder = onnxEmbedder({ ...options(modelFolder(t, tiny)), ...more });
  t.after(() => embedder.close());
  return (texts: readonly string[]) => embedder.embed(texts, { purpose: 'document' });
}

function meanOf(ids: readonly number[]): readonly number[] {
  return Array.from(
    { length: TINY_DIMS },
    (_, i) => ids.reduce((sum, id) => sum + tokenVector(id)[i]!, 0) / ids.length,
  );
}

function unit(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / length);
}
