import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface EmbeddingServer {
  readonly endpoint: string;
  /** What was embedded, by the name of the model. */
  readonly texts: (model: string) => readonly string[];
  /** From now on every request is answered so; undefined: as it should be. */
  answerWith(answer: ((response: ServerResponse) => void) | undefined): void;
}

export const DIMS = 16;

/** An OpenAI-compatible endpoint: a text and a model give a direction, always the same. */
export async function embeddingServer(t: TestContext): Promise<EmbeddingServer> {
  const embedded: { readonly model: string; readonly text: string }[] = [];
  let other: ((response: ServerResponse) => void) | undefined;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (other !== undefined) {
      other(response);
      return;
    }
    const { model, input } = JSON.parse(Buffer.concat(chunks).toString()) as {
      model: string;
      input: string[];
    };
    embedded.push(...input.map((text) => ({ model, text })));
    const data = input.map((text, index) => ({ index, embedding: vectorOf(model, text) }));
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/embeddings`,
    texts: (model) => embedded.flatMap((each) => (each.model === model ? [each.text] : [])),
    answerWith(answer) {
      other = answer;
    },
  };
}

/** Words in common make vectors near. */
function vectorOf(model: string, text: string): readonly number[] {
  const sum = new Array<number>(DIMS).fill(0.01);
  for (const word of text.toLowerCase().split(/\W+/)) {
    const bytes = createHash('shake256', { outputLength: DIMS }).update(`${model} ${word}`).digest();
    bytes.forEach((byte, i) => {
      sum[i]! += byte - 127.5;
    });
  }
  return sum;
}
