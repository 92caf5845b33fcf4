import { HakiriError } from '@hakiri/core';
import { normalise } from '../normalise.ts';

/** What JSON around the numbers may take, and a number with all its digits. */
const FRAME_BYTES = 1024 * 1024;
const NUMBER_BYTES = 40;

export interface Expected {
  /** How the endpoint is named in messages: without query or key. */
  readonly address: string;
  readonly model: string;
  readonly count: number;
  readonly dims: number;
}

/**
 * The vectors of an answer of `/v1/embeddings` (https://platform.openai.com/docs/api-reference/embeddings), each of
 * length 1, in the order of the texts whatever order they came in.
 * @throws HakiriError embedding.bad_answer, embedding.dimension
 */
export function readAnswer(text: string, expected: Expected): readonly Float32Array[] {
  const data = itemsOf(text, expected);
  if (data.length !== expected.count) {
    throw badAnswer(expected, `${data.length} vectors for ${expected.count} texts`);
  }
  const vectors = new Array<Float32Array | undefined>(expected.count);
  for (const [i, item] of data.entries()) {
    const place = item?.index ?? i;
    if (typeof place !== 'number' || !Number.isInteger(place) || place < 0 || place >= expected.count) {
      throw badAnswer(expected, 'a vector of a text that was not sent');
    }
    if (vectors[place] !== undefined) throw badAnswer(expected, 'two vectors for one text');
    vectors[place] = toVector(item?.embedding, expected);
  }
  // As many as there are places, and none twice.
  return vectors as readonly Float32Array[];
}

/** Not more than so many vectors can take. */
export function maxAnswerBytes({ count, dims }: Expected): number {
  return FRAME_BYTES + count * dims * NUMBER_BYTES;
}

export function badAnswer({ address, model }: Expected, what: string, cause?: unknown): HakiriError {
  return new HakiriError('embedding.bad_answer', `${address} answered with ${what}`, {
    cause,
    details: { address, model },
  });
}

type Item = { readonly index?: unknown; readonly embedding?: unknown } | null;

function itemsOf(text: string, expected: Expected): readonly Item[] {
  let answer: { readonly data?: unknown } | null;
  try {
    answer = JSON.parse(text);
  } catch {
    // The parser's message quotes the answer.
    throw badAnswer(expected, 'something other than JSON');
  }
  if (!Array.isArray(answer?.data)) throw badAnswer(expected, 'JSON that has no list `data`');
  return answer.data;
}

function toVector(embedding: unknown, expected: Expected): Float32Array {
  const vector =
    typeof embedding === 'string' ? fromBase64(embedding, expected) : fromList(embedding, expected);
  if (vector.length !== expected.dims) {
    const { address, model, dims } = expected;
    throw new HakiriError(
      'embedding.dimension',
      `${address} answered for "${model}" with vectors of ${vector.length} numbers, and the manifest says ${dims}`,
      { details: { address, model, expected: dims, got: vector.length } },
    );
  }
  if (!vector.every(Number.isFinite))
    throw badAnswer(expected, 'a vector that holds something other than numbers');
  if (!normalise(vector)) throw badAnswer(expected, 'a vector of zeros');
  return vector;
}

function fromList(embedding: unknown, expected: Expected): Float32Array {
  if (!Array.isArray(embedding) || !embedding.every((value) => typeof value === 'number')) {
    throw badAnswer(expected, 'an item that has no vector');
  }
  return Float32Array.from(embedding);
}

/** Little-endian floats. */
function fromBase64(embedding: string, expected: Expected): Float32Array {
  const bytes = Buffer.from(embedding, 'base64');
  if (bytes.length % 4 !== 0) throw badAnswer(expected, 'a vector that is cut off');
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
