import { type Clock, type Embedder, HakiriError, isHakiriError } from '@hakiri/core';
import { type Batch, batches, halves } from './endpoint/batches.ts';
import { type Connection, openConnection, type Reply } from './endpoint/connection.ts';
import { badAnswer, type Expected, maxAnswerBytes, readAnswer } from './endpoint/read-answer.ts';
import { type Attempt, POLICIES, type RetryPolicy, retryAfterMs, withRetry } from './endpoint/retry.ts';

const CONCURRENT_REQUESTS = 2;
const MAX_ERROR_BYTES = 64 * 1024;
/** A batch that is too much for the endpoint is sent in halves. */
const TOO_LARGE = [413, 422];

export interface EndpointOptions {
  readonly endpoint: string;
  /** As the manifest and the endpoint name it. */
  readonly model: string;
  readonly dims: number;
  readonly zone: string;
  /** Sent as a bearer token, and found in no message. */
  readonly apiKey?: string;
  /** Texts in one request, at most. */
  readonly batch: number;
  /** Of one request, from connecting to its last byte. */
  readonly timeoutMs: number;
  readonly queryPrefix?: string;
  readonly documentPrefix?: string;
  readonly clock: Clock;
  /** From 0 to 1; tests set it. */
  readonly random?: () => number;
}

/** Any OpenAI-compatible `/v1/embeddings`. What may pass is tried again; what it answers is checked, number by number. */
export function endpointEmbedder(options: EndpointOptions): Embedder {
  const { model, dims, zone, queryPrefix = '', documentPrefix = '' } = options;
  const url = new URL(options.endpoint);
  const connection = openConnection(url, CONCURRENT_REQUESTS);
  const address = `${url.origin}${url.pathname}`;

  return {
    model: {
      id: model,
      dims,
      kind: 'semantic',
      zone,
      ...(documentPrefix === '' ? {} : { variant: documentPrefix }),
    },
    async embed(texts, { purpose, signal }) {
      const prefix = purpose === 'query' ? queryPrefix : documentPrefix;
      const prefixed = prefix === '' ? texts : texts.map((text) => prefix + text);
      const failed = new AbortController();
      const caller: Caller = {
        options,
        connection,
        address,
        policy: POLICIES[purpose],
        signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]),
      };
      const vectors = new Array<Float32Array>(texts.length);
      const work = batches(prefixed, options.batch);
      const worker = async (): Promise<void> => {
        for (const batch of work) await sendBatch(caller, batch, vectors);
      };
      try {
        await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, worker));
      } catch (error) {
        // The other request has nobody any more who waits for it.
        failed.abort(error);
        throw error;
      }
      return vectors;
    },
    close: () => connection.close(),
  };
}

interface Caller {
  readonly options: EndpointOptions;
  readonly connection: Connection;
  readonly address: string;
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
}

async function sendBatch(caller: Caller, batch: Batch, vectors: Float32Array[]): Promise<void> {
  const { clock, random = Math.random } = caller.options;
  const context = { clock, random, signal: caller.signal };
  const answer = await withRetry(() => attempt(caller, batch), caller.policy, context);
  if (answer === 'too large') {
    for (const half of halves(batch)) await sendBatch(caller, half, vectors);
    return;
  }
  for (const [i, vector] of answer.entries()) vectors[batch.from + i] = vector;
}

type Sent = readonly Float32Array[] | 'too large';

async function attempt(caller: Caller, { texts }: Batch): Promise<Attempt<Sent>> {
  const { options, connection, address, signal } = caller;
  const { apiKey, model, dims, timeoutMs } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const both = AbortSignal.any([signal, timeout]);
  const expected: Expected = { address, model, dims, count: texts.length };
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  try {
    const reply = await connection.post(
      JSON.stringify({ model, input: texts, encoding_format: 'float' }),
      headers,
      both,
    );
    if (reply.status === 200) return { done: readAnswer(await readBody(reply, expected), expected) };
    if (TOO_LARGE.includes(reply.status) && texts.length > 1) {
      await readText(reply, MAX_ERROR_BYTES);
      return { done: 'too large' };
    }
    return await failure(reply, caller);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (timeout.aborted) return { error: timedOut(caller), slow: true };
    if (isHakiriError(error)) throw error;
    return { error: unreachable(caller, error) };
  }
}

async function readBody(reply: Reply, expected: Expected): Promise<string> {
  const limit = maxAnswerBytes(expected);
  const text = await readText(reply, limit);
  if (text === undefined) throw badAnswer(expected, `more than ${limit} bytes`);
  return text;
}

async function readText({ body }: Reply, limit: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** 429 and errors of the server may pass; any other refusal stays one. */
async function failure(reply: Reply, { options, address }: Caller): Promise<Attempt<never>> {
  const reason = reasonOf(await readText(reply, MAX_ERROR_BYTES));
  const { status } = reply;
  const details = { address, model: options.model, status };
  const said = `${address} answered ${status}${reason === undefined ? '' : ` (${reason})`}`;
  const afterMs = retryAfterMs(reply.retryAfter, options.clock.nowMs());
  if (status === 429) {
    const wait = afterMs === undefined ? '' : `, asking to wait ${Math.ceil(afterMs / 1000)} s`;
    const error = new HakiriError('embedding.refused', `${said}: too many requests${wait}`, {
      hint: 'Try again later, or lower `batch`; data and the old index keep serving.',
      details,
    });
    return afterMs === undefined ? { error } : { error, afterMs };
  }
  if (status >= 500) {
    const error = new HakiriError('embedding.unreachable', said, { details });
    return afterMs === undefined ? { error } : { error, afterMs };
  }
  const hint = hintFor(status);
  throw new HakiriError('embedding.refused', said, hint === undefined ? { details } : { hint, details });
}

function hintFor(status: number): string | undefined {
  if (status === 401 || status === 403) return 'Check the secret that the model names, and what it may use.';
  if (status === 404)
    return 'Check the address, which usually ends in /v1/embeddings, and the name of the model.';
  return status >= 300 && status < 400 ? 'It redirects: name the final address.' : undefined;
}

/** A word such as `model_not_found`; never the message, which may quote a text or the key. */
function reasonOf(text: string | undefined): string | undefined {
  try {
    const { error } = JSON.parse(text ?? '') as { readonly error?: { code?: unknown; type?: unknown } };
    return [error?.code, error?.type].find(
      (word): word is string => typeof word === 'string' && /^[a-z][a-z_]{2,40}$/.test(word),
    );
  } catch {
    return undefined;
  }
}

function timedOut({ options, address }: Caller): HakiriError {
  const { model, timeoutMs } = options;
  return new HakiriError('embedding.timeout', `${address} did not answer within ${timeoutMs} ms`, {
    details: { address, model, timeoutMs },
  });
}

function unreachable({ options, address }: Caller, cause: unknown): HakiriError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new HakiriError('embedding.unreachable', `${address} could not be reached: ${describe(code)}`, {
    cause,
    details: { address, model: options.model, reason: code },
  });
}

function describe(code: string): string {
  switch (code) {
    case 'ENOTFOUND':
      return 'there is no such host';
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
    case 'EPIPE':
      return 'the connection was closed';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'connecting took too long';
    default:
      return code;
  }
}
