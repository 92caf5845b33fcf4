import assert from 'node:assert/strict';
import { createServer as createTcpServer } from 'node:net';
import { test } from 'node:test';
import { type Embedder, type ErrorCode, HakiriError, isHakiriError } from '@hakiri/core';
import { type EndpointOptions, endpointEmbedder } from '../../src/embed/index.ts';
import { embedderConformance, nearness } from './support/conformance.ts';
import {
  behave,
  DIMS,
  embeddingServer,
  item,
  type Misbehaviour,
  sendItems,
  vectorOf,
} from './support/embedding-server.ts';
import { testClock } from './support/test-clock.ts';

const KEY = 'sk-very-secret-key';
const DOCUMENT = { purpose: 'document' } as const;

function embedder(endpoint: string, more: Partial<EndpointOptions> = {}): Embedder {
  return endpointEmbedder({
    endpoint,
    model: 'm',
    dims: DIMS,
    zone: 'on-prem:test',
    apiKey: KEY,
    batch: 32,
    timeoutMs: 5000,
    clock: testClock(),
    random: () => 0.5,
    ...more,
  });
}

embedderConformance('endpoint', async () => {
  const server = await embeddingServer();
  const made = embedder(server.endpoint);
  return {
    ...made,
    close: async () => {
      await made.close();
      await server[Symbol.asyncDispose]();
    },
  };
});

/** What embedding ends with against a server that misbehaves, and how many requests it took. */
async function failure(
  answer: Misbehaviour,
  more: Partial<EndpointOptions> = {},
  texts: readonly string[] = ['private words'],
): Promise<{ readonly error: HakiriError; readonly requests: number }> {
  await using server = await embeddingServer(answer);
  const made = embedder(server.endpoint, more);
  try {
    await made.embed(texts, DOCUMENT);
  } catch (error) {
    assert.ok(error instanceof HakiriError, `${error}`);
    const told = JSON.stringify([error.message, error.hint, error.details]);
    assert.doesNotMatch(told, /very-secret|private words/);
    return { error, requests: server.seen.length };
  } finally {
    await made.close();
  }
  throw new assert.AssertionError({ message: 'it was embedded' });
}

async function fails(
  answer: Misbehaviour,
  code: ErrorCode,
  message: RegExp,
  requests: number,
  more: Partial<EndpointOptions> = {},
): Promise<void> {
  const failed = await failure(answer, more);
  assert.equal(failed.error.code, code, failed.error.message);
  assert.match(failed.error.message, message);
  assert.equal(failed.requests, requests);
}

test('texts go in batches of so many and of so many bytes, two at a time', async () => {
  await using server = await embeddingServer((asked, response) =>
    setTimeout(() => behave(asked, response, 0), 20),
  );
  const made = embedder(server.endpoint, { batch: 10 });
  const texts = Array.from(
    { length: 35 },
    (_, i) => `${i} ${i === 20 ? 'x'.repeat(300_000) : 'y'.repeat(50_000)}`,
  );
  const vectors = await made.embed(texts, DOCUMENT);
  await made.close();
  assert.deepEqual(server.seen.flatMap((each) => each.texts).toSorted(), texts.toSorted());
  assert.ok(server.seen.every((each) => each.texts.length <= 10));
  // Five of 50 KB fit, and the longest goes alone.
  assert.ok(server.seen.every((each) => each.texts.length === 1 || each.bytes < 270_000));
  assert.equal(server.atOnce(), 2);
  assert.equal(server.seen[0]?.headers.authorization, `Bearer ${KEY}`);
  vectors.forEach((vector, i) => {
    assert.ok(nearness(vector, unit(vectorOf(texts[i]!))) > 0.9999, `text ${i}`);
  });
});

test('vectors are taken by their index, as lists or in base64', async () => {
  await using server = await embeddingServer(({ input }, response) =>
    sendItems(
      response,
      input
        .map((text, i) => ({
          index: i,
          embedding:
            i % 2 === 0
              ? vectorOf(text)
              : Buffer.from(Float32Array.from(vectorOf(text)).buffer).toString('base64'),
        }))
        .toReversed(),
    ),
  );
  const made = embedder(server.endpoint);
  const texts = ['a', 'b', 'c', 'd', 'e'];
  const vectors = await made.embed(texts, DOCUMENT);
  await made.close();
  vectors.forEach((vector, i) => {
    assert.ok(nearness(vector, unit(vectorOf(texts[i]!))) > 0.9999, `text ${i}`);
  });
});

test('a prefix goes before each text, by what it is embedded for', async () => {
  await using server = await embeddingServer();
  const made = embedder(server.endpoint, { queryPrefix: 'query: ', documentPrefix: 'passage: ' });
  await made.embed(['a'], { purpose: 'query' });
  await made.embed(['a'], DOCUMENT);
  await made.close();
  assert.deepEqual(
    server.seen.map(({ texts }) => texts),
    [['query: a'], ['passage: a']],
  );
  assert.equal(made.model.variant, 'passage: ');
});

test('an endpoint that is busy is asked again when it says', async () => {
  const clock = testClock();
  await using server = await embeddingServer((asked, response, index) => {
    const later = new Date(clock.nowMs() + 7000).toUTCString();
    if (index === 0) response.writeHead(429, { 'retry-after': '3' }).end();
    else if (index === 1) response.writeHead(503, { 'retry-after': later }).end();
    else if (index === 2) response.writeHead(500).end('oops');
    else behave(asked, response, index);
  });
  const made = embedder(server.endpoint, { clock });
  assert.equal((await made.embed(['a'], DOCUMENT)).length, 1);
  await made.close();
  assert.deepEqual(clock.slept, [3000, 7000, 1000]);
});

test('an endpoint that goes on failing is given up, with what it said', async () => {
  await fails(
    (_, response) =>
      response
        .writeHead(500)
        .end(JSON.stringify({ error: { message: `private words, ${KEY}`, code: 'overloaded' } })),
    'embedding.unreachable',
    /\/v1\/embeddings answered 500 \(overloaded\)$/,
    5,
  );
  await fails(
    (_, response) => response.writeHead(429).end(),
    'embedding.refused',
    /429: too many requests$/,
    5,
  );
  await fails(
    (_, response) => response.writeHead(429, { 'retry-after': '3600' }).end(),
    'embedding.refused',
    /asking to wait 3600 s/,
    1,
  );
});

test('a question is not waited for as long as an index', async () => {
  const clock = testClock();
  await using server = await embeddingServer((_, response) => response.writeHead(500).end());
  const made = embedder(server.endpoint, { clock });
  await assert.rejects(made.embed(['a'], { purpose: 'query' }), { code: 'embedding.unreachable' });
  await made.close();
  assert.equal(server.seen.length, 2);
  assert.ok(clock.slept.every((ms) => ms <= 200));
});

test('what the endpoint refuses is not asked again', async () => {
  const refused = (status: number, error: object) => (_: unknown, response: Parameters<Misbehaviour>[1]) =>
    response.writeHead(status, { location: 'https://elsewhere/' }).end(JSON.stringify({ error }));
  const unauthorized = refused(401, { message: `Incorrect key ${KEY}`, code: 'invalid_api_key' });
  await fails(unauthorized, 'embedding.refused', /answered 401 \(invalid_api_key\)$/, 1);
  assert.match((await failure(unauthorized)).error.hint, /secret/);
  await fails(refused(404, { type: 'not_found_error' }), 'embedding.refused', /404 \(not_found_error\)/, 1);
  await fails(refused(400, { code: 'https://leak/private words' }), 'embedding.refused', /answered 400$/, 1);
  await fails(refused(307, {}), 'embedding.refused', /answered 307/, 1);
});

test('a batch that is too large for the endpoint is sent in halves', async () => {
  await using server = await embeddingServer((asked, response, index) => {
    if (asked.input.length > 4) response.writeHead(index % 2 === 0 ? 413 : 422).end();
    else behave(asked, response, index);
  });
  const made = embedder(server.endpoint);
  const texts = Array.from({ length: 30 }, (_, i) => `text ${i}`);
  const vectors = await made.embed(texts, DOCUMENT);
  await made.close();
  assert.ok(vectors.every((vector, i) => nearness(vector, unit(vectorOf(texts[i]!))) > 0.9999));
});

test('vectors of another size than the manifest says are refused', async () => {
  await fails(
    ({ input }, response) => sendItems(response, [item(input[0]!, 0, DIMS + 1)]),
    'embedding.dimension',
    new RegExp(`vectors of ${DIMS + 1} numbers, and the manifest says ${DIMS}`),
    1,
  );
});

test('an answer that is not one vector a text is refused with the reason', async () => {
  const vector = vectorOf('x');
  const raw = (text: string) => (_: unknown, response: Parameters<Misbehaviour>[1]) => response.end(text);
  const items = (data: unknown) => (_: unknown, response: Parameters<Misbehaviour>[1]) =>
    sendItems(response, data);
  const bad = [
    [raw('<html>private words'), /something other than JSON$/],
    [raw(''), /something other than JSON/],
    [raw('null'), /no list `data`/],
    [raw('{"data":{}}'), /no list `data`/],
    [items([]), /0 vectors for 1 texts/],
    [items([item('a', 0), item('b', 1)]), /2 vectors for 1 texts/],
    [items([item('a', 1)]), /a text that was not sent/],
    [items([item('a', -1)]), /a text that was not sent/],
    [items([{ index: 'zero', embedding: vector }]), /a text that was not sent/],
    [items([null]), /an item that has no vector/],
    [items([{ index: 0, embedding: null }]), /an item that has no vector/],
    [items([{ index: 0, embedding: ['1', ...vector.slice(1)] }]), /an item that has no vector/],
    [items([{ index: 0, embedding: 'AAAA' }]), /cut off/],
    [items([{ index: 0, embedding: vector.map(() => 0) }]), /a vector of zeros/],
    [raw(`{"data":[{"index":0,"embedding":[${vector.map(() => '1e999').join()}]}]}`), /other than numbers/],
    [raw(' '.repeat(2_000_000)), /more than \d+ bytes/],
  ] as const;
  for (const [answer, message] of bad) await fails(answer, 'embedding.bad_answer', message, 1);
  const twice: Misbehaviour = ({ input }, response) =>
    sendItems(
      response,
      input.map((text) => item(text, 0)),
    );
  assert.match((await failure(twice, {}, ['a', 'b'])).error.message, /two vectors for one text/);
});

test('a body without end is left as soon as it is too large', async () => {
  let closed = false;
  const left = Promise.withResolvers<void>();
  const endless: Misbehaviour = (_, response) => {
    response.on('close', () => {
      closed = true;
      left.resolve();
    });
    response.writeHead(200);
    const more = (): void => {
      while (!closed && response.write(' '.repeat(65_536)));
      if (!closed) response.once('drain', more);
    };
    more();
  };
  await fails(endless, 'embedding.bad_answer', /more than/, 1);
  await left.promise;
});

test('an endpoint that is slow is given up after its time', async () => {
  const clock = testClock();
  await fails(() => {}, 'embedding.timeout', /did not answer within 40 ms/, 2, { timeoutMs: 40, clock });
  // Headers at once, and then one byte now and then.
  const drip: Misbehaviour = (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(' '), 10);
    response.on('close', () => clearInterval(timer));
  };
  await fails(drip, 'embedding.timeout', /within 40 ms/, 2, { timeoutMs: 40 });
});

test('a connection that is dropped is made again', async () => {
  await using server = await embeddingServer((asked, response, index) => {
    if (index === 0) response.socket?.destroy();
    else if (index === 1) {
      response.writeHead(200, { 'content-length': '1000' }).write('{"data":');
      setImmediate(() => response.socket?.destroy());
    } else behave(asked, response, index);
  });
  const made = embedder(server.endpoint);
  assert.equal((await made.embed(['a'], DOCUMENT)).length, 1);
  await made.close();
  await fails(
    (_, response) => response.socket?.destroy(),
    'embedding.unreachable',
    /connection was closed/,
    5,
  );
});

test('an endpoint that is down is said to be', async () => {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const made = embedder(`http://127.0.0.1:${port}/v1/embeddings?key=${KEY}`);
  await assert.rejects(made.embed(['a'], DOCUMENT), (error) => {
    assert.ok(isHakiriError(error));
    assert.equal(error.code, 'embedding.unreachable');
    assert.match(error.message, /the connection was refused/);
    assert.doesNotMatch(JSON.stringify([error.message, error.details]), /secret/);
    return true;
  });
  await made.close();
});

test('texts are not sent in clear past private networks', async () => {
  for (const host of ['8.8.8.8', '169.254.169.254', '[2001:4860:4860::8888]']) {
    const made = embedder(`http://${host}/v1/embeddings`);
    await assert.rejects(made.embed(['a'], DOCUMENT), {
      code: 'embedding.refused',
      message: /neither this machine nor on a private network, and/,
    });
    await made.close();
  }
  await using server = await embeddingServer();
  const named = embedder(server.endpoint.replace('127.0.0.1', 'localhost'), { timeoutMs: 2000 });
  assert.equal((await named.embed(['a'], DOCUMENT)).length, 1);
  await named.close();
});

test('abort ends both requests at once', async () => {
  await using server = await embeddingServer(() => {});
  const made = embedder(server.endpoint, { batch: 1 });
  const stop = new AbortController();
  const done = made.embed(['a', 'b', 'c'], { ...DOCUMENT, signal: stop.signal });
  while (server.seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  stop.abort(new Error('enough'));
  await assert.rejects(done, /enough/);
  await made.close();
  assert.equal(server.seen.length, 2);
});

function unit(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector);
  return Float32Array.from(vector, (value) => value / length);
}
