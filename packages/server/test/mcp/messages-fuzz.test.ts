import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMcp, serveStdio } from '../../src/index.ts';
import { cleanText, cleanValue } from '../../src/mcp/clean-text.ts';
import { parseMessage } from '../../src/mcp/parse-message.ts';
import { ownerDoor } from '../support/connect.ts';
import { fakeServices } from '../support/fake-services.ts';

const seed = Number(process.env.HAKIRI_SEED ?? Date.now() % 0x7fffffff);
const numRuns = Number(process.env.HAKIRI_FUZZ_COUNT ?? 200);

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'fuzz', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const TOOLS = [
  'context_tables',
  'context_describe',
  'context_query',
  'context_get',
  'memory_write',
  'memory_search',
  'memory_forget',
  'pipeline_list',
];
const FIELDS = [
  'table',
  'keys',
  'sql',
  'search',
  'select',
  'filter',
  'limit',
  'next',
  'max_bytes',
  'items',
  'ids',
  'as_of',
];

const json = fc.jsonValue({ maxDepth: 3 });
const args = fc.oneof(json, fc.dictionary(fc.constantFrom(...FIELDS), fc.oneof(json, fc.constant('notes'))));
const params = fc.oneof(
  json,
  fc.record({
    name: fc.oneof(fc.constantFrom(...TOOLS), fc.string()),
    arguments: args,
    _meta: fc.constant(META),
  }),
  fc.record({
    uri: fc.oneof(fc.string(), fc.constant('hakiri://demo/tables/notes')),
    _meta: fc.constant(META),
  }),
  fc.record({ cursor: json, _meta: fc.constant(META) }),
);
const method = fc.constantFrom(
  'tools/call',
  'tools/call',
  'tools/call',
  'tools/list',
  'resources/read',
  'resources/list',
  'completion/complete',
  'server/discover',
  'subscriptions/listen',
  'nothing/there',
);

test('whatever is asked, every request is answered once and the connection goes on', async (t) => {
  t.diagnostic(`HAKIRI_SEED=${seed}`);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ method, params }), { minLength: 1, maxLength: 20 }),
      async (asked) => {
        const [stdin, stdout] = [new PassThrough(), new PassThrough()];
        const connection = serveStdio(createMcp(fakeServices()), { door: ownerDoor(), stdin, stdout });
        const answered: unknown[] = [];
        const last = asked.length + 1;
        const { promise: done, resolve } = Promise.withResolvers<void>();
        let text = '';
        stdout.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          const lines = text.split('\n');
          text = lines.pop() ?? '';
          for (const line of lines) {
            const { id, method: told } = JSON.parse(line) as { id?: unknown; method?: unknown };
            if (told === undefined) answered.push(id);
            if (answered.length === last) resolve();
          }
        });
        const say = (id: number, message: object): unknown =>
          stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...message })}\n`);
        say(0, { method: 'tools/list', params: { _meta: META } });
        for (const [i, message] of asked.entries()) say(i + 1, message);
        await done;
        // Params that are neither an object nor a list make it no request: refused without or with its id.
        const expected = Array.from({ length: last }, (_, id) => id);
        assert.deepEqual(answered.toSorted(), expected.toSorted());
        await connection.close();
      },
    ),
    { seed, numRuns: Math.ceil(numRuns / 4) },
  );
});

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '\u001b[',
          '\u001b]',
          '\u009b',
          '\u0007',
          '\u001b\\',
          '\u202e',
          '\u{e0041}',
          '\r\n',
          '31m',
          '\u0000',
        ),
        fc.string(),
      ),
    )
    .map((parts) => parts.join('')),
);

test('cleaned text holds nothing that drives a terminal, and cleaning it again changes nothing', () => {
  fc.assert(
    fc.property(nasty, (text) => {
      const clean = cleanText(text);
      assert.doesNotMatch(clean, /(?![\n\t])[\p{Cc}\p{Bidi_Control}\u{e0000}-\u{e007f}]/u);
      assert.equal(cleanText(clean), clean);
    }),
    { seed, numRuns: numRuns * 5 },
  );
});

test('text that needs no cleaning is the same text, and such a value the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain = JSON.parse(
        JSON.stringify(value).replace(/\\u[\dabcdef]{4}|\p{Cc}|\p{Cf}|\p{Bidi_Control}/gu, ''),
      );
      assert.equal(cleanValue(plain), plain);
    }),
    { seed, numRuns },
  );
});

test('what JSON takes is taken, what it does not take is refused, and nothing throws', () => {
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    fc.json().map((good) => good.slice(1)),
  );
  fc.assert(
    fc.property(text, (given) => {
      const parsed = parseMessage(given);
      try {
        assert.deepEqual(parsed, { ok: true, value: JSON.parse(given) });
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        assert.equal(parsed.ok, false);
      }
    }),
    { seed, numRuns: numRuns * 5 },
  );
});
