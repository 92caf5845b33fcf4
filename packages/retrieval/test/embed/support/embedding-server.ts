import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EmbeddingRequest {
  readonly model: string;
  readonly input: readonly string[];
}

export interface Seen {
  readonly texts: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
}

export interface EmbeddingServer extends AsyncDisposable {
  /** Ends in /v1/embeddings. */
  readonly endpoint: string;
  readonly seen: readonly Seen[];
  /** Requests that were being answered at one moment, at most. */
  readonly atOnce: () => number;
}

/** Answers one request in its own way. */
export type Misbehaviour = (request: EmbeddingRequest, response: ServerResponse, index: number) => void;

export const DIMS = 16;

/** Some direction that depends on the text alone; not of length 1. */
export function vectorOf(text: string, dims = DIMS): readonly number[] {
  const bytes = createHash('shake256', { outputLength: dims }).update(text).digest();
  return [...bytes].map((byte) => (byte - 127.5) / 32);
}

export function item(text: string, index: number, dims = DIMS) {
  return { object: 'embedding', index, embedding: vectorOf(text, dims) };
}

export function sendItems(response: ServerResponse, data: unknown): void {
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ object: 'list', data, model: 'm', usage: { prompt_tokens: 1, total_tokens: 1 } }));
}

export const behave: Misbehaviour = ({ input }, response) =>
  sendItems(
    response,
    input.map((text, i) => item(text, i)),
  );

/** A real server on a free port of this machine. */
export async function embeddingServer(answer: Misbehaviour = behave): Promise<EmbeddingServer> {
  const seen: Seen[] = [];
  let open = 0;
  let most = 0;
  const server = createServer((request, response) => {
    open++;
    most = Math.max(most, open);
    response.on('close', () => open--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const asked = JSON.parse(body.toString()) as EmbeddingRequest;
      seen.push({ texts: asked.input, headers: request.headers, bytes: body.length });
      answer(asked, response, seen.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/embeddings`,
    seen,
    atOnce: () => most,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
