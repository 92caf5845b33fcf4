import { type Embedder, HakiriError } from '@hakiri/core';
import { normalise } from './normalise.ts';
import { folderError, type ModelFolder, readModelFolder } from './onnx/model-folder.ts';
import { pool } from './onnx/pool.ts';
import { loadRuntime, type OnnxRuntime, type OnnxSession, type OnnxTensor } from './onnx/runtime.ts';
import { loadTokenizer, type Tokenize } from './onnx/tokens.ts';

export interface FolderOptions {
  /** Absolute. */
  readonly folder: string;
  /** Where the optional package is looked for first. */
  readonly projectFolder: string;
  readonly model: string;
  readonly dims: number;
  /** Texts at once, at most. */
  readonly batch: number;
  readonly queryPrefix?: string;
  readonly documentPrefix?: string;
}

interface Loaded {
  readonly runtime: OnnxRuntime;
  readonly session: OnnxSession;
  readonly tokenize: Tokenize;
  readonly files: ModelFolder;
}

/** A model of a folder, run in this process: nothing leaves the machine. Loaded with the first text. */
export function onnxEmbedder(options: FolderOptions): Embedder {
  const { model, dims, batch, queryPrefix = '', documentPrefix = '' } = options;
  let loading: Promise<Loaded> | undefined;
  return {
    model: {
      id: model,
      dims,
      kind: 'semantic',
      zone: undefined,
      ...(documentPrefix === '' ? {} : { variant: documentPrefix }),
    },
    async embed(texts, { purpose, signal }) {
      const prefix = purpose === 'query' ? queryPrefix : documentPrefix;
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += batch) {
        signal?.throwIfAborted();
        loading ??= load(options);
        const some = texts.slice(from, from + batch).map((text) => prefix + text);
        vectors.push(...(await run(await loading, some, options)));
      }
      return vectors;
    },
    async close() {
      const loaded = await loading?.catch(() => undefined);
      await loaded?.session.release();
    },
  };
}

async function load({ folder, projectFolder }: FolderOptions): Promise<Loaded> {
  const files = await readModelFolder(folder);
  const runtime = await loadRuntime(projectFolder);
  const tokenize = await loadTokenizer(folder, files);
  try {
    return { runtime, session: await runtime.InferenceSession.create(files.modelPath), tokenize, files };
  } catch (error) {
    throw folderError(folder, 'the model cannot be loaded', error);
  }
}

async function run(
  { runtime, session, tokenize, files }: Loaded,
  texts: readonly string[],
  { folder, dims }: FolderOptions,
): Promise<readonly Float32Array[]> {
  const tokens = texts.map(tokenize);
  const width = Math.max(1, ...tokens.map((ids) => ids.length));
  const outputs = await session.run(inputs(runtime, session, tokens, width));
  const output = outputOf(session, outputs);
  const size = output.dims.at(-1);
  if (size !== dims) {
    throw new HakiriError(
      'embedding.dimension',
      `${folder}: the model makes vectors of ${size} numbers, and the manifest says ${dims}`,
      { details: { folder, expected: dims, got: size ?? 0 } },
    );
  }
  const perText = output.dims.length === 3 ? width * dims : dims;
  if (!(output.data instanceof Float32Array) || output.data.length !== texts.length * perText) {
    throw folderError(folder, 'the model gives something other than a vector a text or a token');
  }
  const states = output.data;
  return tokens.map((ids, i) => {
    const own = states.subarray(i * perText, (i + 1) * perText);
    const vector =
      output.dims.length === 3
        ? pool(own, { tokens: Math.max(1, ids.length), dims, pooling: files.pooling })
        : own.slice();
    if (!normalise(vector)) throw folderError(folder, 'the model gives a vector without a direction');
    return vector;
  });
}

function inputs(
  runtime: OnnxRuntime,
  session: OnnxSession,
  tokens: readonly (readonly number[])[],
  width: number,
): Readonly<Record<string, OnnxTensor>> {
  const shape = [tokens.length, width];
  const ids = new BigInt64Array(tokens.length * width);
  const mask = new BigInt64Array(tokens.length * width);
  tokens.forEach((each, row) => {
    each.forEach((id, i) => {
      ids[row * width + i] = BigInt(id);
      mask[row * width + i] = 1n;
    });
  });
  const known: Readonly<Record<string, BigInt64Array>> = {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: new BigInt64Array(ids.length),
  };
  return Object.fromEntries(
    session.inputNames.flatMap((name) => {
      const data = known[name];
      return data === undefined ? [] : [[name, new runtime.Tensor('int64', data, shape)]];
    }),
  );
}

/** Whole vectors where the model makes them, else those of its tokens. */
function outputOf(session: OnnxSession, outputs: Readonly<Record<string, OnnxTensor>>): OnnxTensor {
  const name =
    ['sentence_embedding', 'last_hidden_state', 'token_embeddings'].find((known) => known in outputs) ??
    session.outputNames[0] ??
    '';
  return outputs[name]!;
}
