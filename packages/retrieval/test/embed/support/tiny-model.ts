import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A model of one table: each token has its vector, and knows nothing of the others. */

export const TINY_DIMS = 8;

const WORDS = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'memory',
  'leak',
  '##s',
  '##ing',
  'parquet',
  'number',
  'a',
  '##b',
];
const FLOAT = 1;
const INT64 = 7;

export interface TinyOptions {
  /** What the output is called, and whether it is a vector a token or a text. */
  readonly output?: 'last_hidden_state' | 'sentence_embedding';
  readonly pooling?: 'first' | 'mean';
  readonly maxTokens?: number;
}

/** Lays out a folder as exporters of sentence-transformers do. */
export function writeTinyModel(folder: string, { output, pooling, maxTokens = 16 }: TinyOptions = {}): void {
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  mkdirSync(join(folder, '1_Pooling'), { recursive: true });
  writeFileSync(join(folder, 'onnx', 'model.onnx'), tinyModel(output ?? 'last_hidden_state'));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer()));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ model_max_length: maxTokens }));
  writeFileSync(
    join(folder, '1_Pooling', 'config.json'),
    JSON.stringify({
      pooling_mode_cls_token: pooling === 'first',
      pooling_mode_mean_tokens: pooling !== 'first',
    }),
  );
}

export function tokenId(word: string): number {
  return WORDS.indexOf(word);
}

/** The vector of a token; its first number is that of the token. */
export function tokenVector(id: number): readonly number[] {
  return Array.from({ length: TINY_DIMS }, (_, i) => (i === 0 ? 1 + id : Math.sin(id * 31 + i)));
}

function tokenizer() {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: WORDS.slice(0, 4).map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
  };
}

/** Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. */
function tinyModel(output: 'last_hidden_state' | 'sentence_embedding'): Uint8Array {
  const table = Float32Array.from(WORDS.flatMap((_, id) => tokenVector(id)));
  const initializer = message(
    numberField(1, WORDS.length),
    numberField(1, TINY_DIMS),
    numberField(2, FLOAT),
    textField(8, 'table'),
    bytesField(9, new Uint8Array(table.buffer)),
  );
  const gather = node('Gather', ['table', 'input_ids'], output === 'last_hidden_state' ? output : 'states');
  const nodes =
    output === 'last_hidden_state'
      ? [gather]
      : [gather, node('ReduceMax', ['states'], output, attribute('axes', [1]), attribute('keepdims', 0))];
  const graph = message(
    ...nodes.map((each) => bytesField(1, each)),
    textField(2, 'tiny'),
    bytesField(5, initializer),
    ...['input_ids', 'attention_mask', 'token_type_ids'].map((name) =>
      bytesField(11, valueInfo(name, INT64, ['batch', 'sequence'])),
    ),
    bytesField(
      12,
      valueInfo(output, FLOAT, ['batch', ...(output === 'last_hidden_state' ? ['sequence'] : []), TINY_DIMS]),
    ),
  );
  return message(
    numberField(1, 8),
    bytesField(7, graph),
    bytesField(8, message(textField(1, ''), numberField(2, 13))),
  );
}

function node(type: string, inputs: readonly string[], output: string, ...attributes: readonly Uint8Array[]) {
  return message(
    ...inputs.map((input) => textField(1, input)),
    textField(2, output),
    textField(4, type),
    ...attributes.map((each) => bytesField(5, each)),
  );
}

function attribute(name: string, value: number | readonly number[]): Uint8Array {
  return typeof value === 'number'
    ? message(textField(1, name), numberField(3, value), numberField(20, 2))
    : message(textField(1, name), ...value.map((item) => numberField(8, item)), numberField(20, 7));
}

function valueInfo(name: string, type: number, shape: readonly (string | number)[]): Uint8Array {
  const dims = shape.map((dim) =>
    bytesField(1, message(typeof dim === 'string' ? textField(2, dim) : numberField(1, dim))),
  );
  const tensor = message(numberField(1, type), bytesField(2, message(...dims)));
  return message(textField(1, name), bytesField(2, message(bytesField(1, tensor))));
}

/** Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding). */
function message(...fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function numberField(field: number, value: number): Uint8Array {
  return Buffer.from([...varint(field << 3), ...varint(value)]);
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(bytes.length)]), bytes]);
}

function textField(field: number, text: string): Uint8Array {
  return bytesField(field, Buffer.from(text));
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}
