import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HakiriError } from '@hakiri/core';

/** As exporters of sentence-transformers lay models out. */
const MODEL_FILES = ['model.onnx', 'onnx/model.onnx', 'onnx/model_quantized.onnx'];
const DEFAULT_MAX_TOKENS = 512;
/** Larger numbers are what exporters write for "not known". */
const MOST_TOKENS = 32_768;

export interface ModelFolder {
  readonly modelPath: string;
  readonly tokenizer: object;
  readonly tokenizerConfig: object;
  /** How the vectors of tokens become one: that of the first, or the mean of all. */
  readonly pooling: 'first' | 'mean';
  readonly maxTokens: number;
}

/** @throws HakiriError embedding.folder */
export async function readModelFolder(folder: string): Promise<ModelFolder> {
  const modelPath = MODEL_FILES.map((name) => join(folder, name)).find((path) => existsSync(path));
  if (modelPath === undefined) throw folderError(folder, `there is no ${MODEL_FILES.join(' or ')}`);
  const tokenizer = await readJson(folder, 'tokenizer.json');
  if (tokenizer === undefined) throw folderError(folder, 'there is no tokenizer.json');
  const tokenizerConfig = (await readJson(folder, 'tokenizer_config.json')) ?? {};
  const sentence = await readJson(folder, 'sentence_bert_config.json');
  const pooling = await readJson(folder, '1_Pooling/config.json');
  return {
    modelPath,
    tokenizer,
    tokenizerConfig,
    pooling: pooling?.pooling_mode_cls_token === true ? 'first' : 'mean',
    maxTokens:
      tokenCount(sentence?.max_seq_length) ??
      tokenCount(tokenizerConfig.model_max_length) ??
      DEFAULT_MAX_TOKENS,
  };
}

export function folderError(folder: string, what: string, cause?: unknown): HakiriError {
  return new HakiriError('embedding.folder', `${folder}: ${what}`, { cause, details: { folder } });
}

type Json = Readonly<Record<string, unknown>>;

async function readJson(folder: string, name: string): Promise<Json | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw folderError(folder, `${name} cannot be read`, error);
  }
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw folderError(folder, `${name} is not a JSON object`);
  }
  return value as Json;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tokenCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MOST_TOKENS
    ? value
    : undefined;
}
