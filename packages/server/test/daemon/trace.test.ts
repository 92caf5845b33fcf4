import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { HakiriError, OWNER_GRANT } from '@hakiri/core';
import { createTracer, NO_TRACES, traceAudit } from '../../src/trace/tracer.ts';

interface Exported {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
      }[];
    }[];
  }[];
}

test('without an endpoint there are no traces', async () => {
  const options = { version: '1', onError: () => {} };
  assert.equal(await createTracer({ ...options, endpoint: undefined }), NO_TRACES);
  assert.equal(await createTracer({ ...options, endpoint: '' }), NO_TRACES);
  assert.equal(await NO_TRACES.span('x', {}, async () => 7), 7);
});

test('spans go to the collector, a failure with its code and without its message', async (t) => {
  const seen: { url: string; body: string }[] = [];
  const collector = createServer(async (request, response) => {
    seen.push({ url: request.url ?? '', body: await text(request) });
    response.end('{}');
  }).listen(0, '127.0.0.1');
  t.after(() => collector.close());
  await new Promise((resolve) => collector.once('listening', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = endpoint;
  t.after(() => {
    delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  });
  const errors: unknown[] = [];
  const tracer = await createTracer({ endpoint, version: '1.2.3', onError: (error) => errors.push(error) });
  const answer = await tracer.span('query sql', {}, async (span) => {
    span.set({ rows: 3 });
    return 'answer';
  });
  assert.equal(answer, 'answer');
  // What is recorded of a call stands on the span that it goes on in, below the one of whoever asked.
  const asked = `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01`;
  const grant = { ...OWNER_GRANT, principal: { agent: 'reader', delegates: [{ agent: 'helper' }] } };
  await tracer.span(
    'tool context_query',
    {},
    () =>
      tracer.span('query structured', {}, async () =>
        traceAudit({
          action: 'query',
          grant,
          outcome: 'granted',
          reads: [{ table: 'people', how: 'returned', keys: [['secret']], predicate: "name = 'secret'" }],
          rows: 1,
          planHash: 'p1a2n',
        }),
      ),
    asked,
  );
  const failing = tracer.span('run', { pipeline: 'a' }, async () => {
    throw new HakiriError('query.timeout', 'select secret from x');
  });
  await assert.rejects(failing);
  await tracer.close();
  assert.deepEqual(errors, []);
  assert.ok(seen.length > 0 && seen.every(({ url }) => url === '/v1/traces'));
  const body = seen.map((one) => one.body).join('');
  for (const part of [
    'query sql',
    '"pipeline"',
    'query.timeout',
    '1.2.3',
    'reader',
    'helper',
    'people',
    'local:device',
    'p1a2n',
  ]) {
    assert.ok(body.includes(part), part);
  }
  assert.ok(!body.includes('secret'));
  const spans = (JSON.parse(seen[0]?.body ?? '{}') as Exported).resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans: found }) => found),
  );
  const named = (name: string) => spans.find((span) => span.name === name);
  assert.equal(named('tool context_query')?.parentSpanId, 'b2'.repeat(8));
  assert.equal(named('query structured')?.parentSpanId, named('tool context_query')?.spanId);
  assert.deepEqual(
    ['tool context_query', 'query structured', 'run'].map((name) => named(name)?.traceId === 'a1'.repeat(16)),
    [true, true, false],
  );
});
