import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isHakiriError, type SetAside } from '@hakiri/core';
import { RecordSplitter, type SplitterOptions } from '../../src/scan/index.ts';

const LIMIT = 1 << 20;

interface Split {
  readonly lines: string[];
  readonly rows: number;
  readonly setAside: SetAside[];
  readonly envelope: unknown;
}

function split(text: string | Uint8Array, options: Partial<SplitterOptions>, chunkBytes = 1 << 30): Split {
  const splitter = new RecordSplitter({ format: 'json', maxRecordBytes: LIMIT, ...options });
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += chunkBytes) splitter.push(bytes.subarray(at, at + chunkBytes));
  const { envelope } = splitter.end();
  const { records, rows, setAside } = splitter.take();
  return { lines: Buffer.from(records).toString().split('\n').slice(0, -1), rows, setAside, envelope };
}

function failsWith(code: ErrorCode, pattern: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(isHakiriError(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  });
}

test('NDJSON passes through line by line, whatever the borders of the chunks', () => {
  const text = '\ufeff{"a":1}\r\n\n  \r\n{"b":"x\\\\"}\nnot json\n{"c":3}';
  for (const chunkBytes of [1, 2, 3, 5, 100]) {
    const { lines, rows, envelope } = split(text, { format: 'ndjson' }, chunkBytes);
    assert.deepEqual(lines, ['{"a":1}\r', '{"b":"x\\\\"}', 'not json', '{"c":3}']);
    assert.equal(rows, 4);
    assert.equal(envelope, undefined);
  }
});

test('empty NDJSON has no records', () => {
  for (const text of ['', '\n', '\ufeff', '\ufeff\r\n'])
    assert.equal(split(text, { format: 'ndjson' }, 1).rows, 0);
});

test('a prefix goes behind the opening brace, without a comma in an empty record', () => {
  const prefix = Buffer.from('"repo":"a/b",');
  const lines = ['{"repo":"a/b","id":1}', '{"repo":"a/b"}', '{"repo":"a/b" }'];
  for (const chunkBytes of [1, 7, 100]) {
    assert.deepEqual(
      split('[{"id":1},{},{ }]', { prefix }, chunkBytes).lines.map((l) => l.replace(/{ "/, '{"')),
      [lines[0], lines[1], '{ "repo":"a/b"}'].map((l) => l!.replace(/{ "/, '{"')),
    );
    assert.deepEqual(split('{"id":1}\n{}\n{ }\n[1]\n', { format: 'ndjson', prefix }, chunkBytes).lines, [
      ...lines,
      '[1]',
    ]);
  }
});

test('the records of a page keep their bytes, and newlines between their tokens become spaces', () => {
  const page = '[ {"id":12345678901234567890,"a":1.00} ,\n{\n"b":\r\n"x\\ny"\n}\n]';
  for (let chunkBytes = 1; chunkBytes <= page.length; chunkBytes++) {
    assert.deepEqual(split(page, {}, chunkBytes).lines, [
      '{"id":12345678901234567890,"a":1.00}',
      '{ "b":  "x\\ny" }',
    ]);
  }
});

test('what surrounds the records comes back as the envelope', () => {
  const page = '{"next":"c1","data":{"n":2,"it\\u0065ms":[{"a":[1]},{"a":{}}],"more":true},"items":[1]}';
  for (let chunkBytes = 1; chunkBytes <= page.length; chunkBytes++) {
    const { lines, envelope } = split(page, { recordsPath: ['data', 'items'] }, chunkBytes);
    assert.deepEqual(lines, ['{"a":[1]}', '{"a":{}}']);
    assert.deepEqual(envelope, { next: 'c1', data: { n: 2, items: [], more: true }, items: [1] });
  }
});

test('an object where the records are expected is one record', () => {
  assert.deepEqual(split(' {"a":1}\n', {}, 2).lines, ['{"a":1}']);
  const { lines, envelope } = split('{"data":{"a":{"b":1}},"x":{"y":2}}', { recordsPath: ['data'] }, 3);
  assert.deepEqual(lines, ['{"a":{"b":1}}']);
  assert.deepEqual(envelope, { data: [], x: { y: 2 } });
});

test('null and an empty array hold no records', () => {
  assert.equal(split('{"data":null}', { recordsPath: ['data'] }).rows, 0);
  assert.equal(split('{"data":[ ]}', { recordsPath: ['data'] }).rows, 0);
  assert.equal(split('[]', {}).rows, 0);
});

test('elements that are not objects are set aside', () => {
  const { lines, setAside } = split('[1,{"a":1},"x",[{"b":2}],null]', {}, 2);
  assert.deepEqual(lines, ['{"a":1}']);
  assert.deepEqual(
    setAside.map((s) => `${s.code} ${Buffer.from(s.record)}`),
    ['record.not_object 1', 'record.not_object "x"', 'record.not_object [{"b":2}]', 'record.not_object null'],
  );
});

test('a path that does not lead to records says which keys there are', () => {
  const code = 'source.records_path';
  failsWith(code, /data has no key items. Keys found: rows, next/, () =>
    split('{"data":{"rows":[],"next":null},"x":1}', { recordsPath: ['data', 'items'] }),
  );
  failsWith(code, /data is not an object/, () => split('{"data":null}', { recordsPath: ['data', 'items'] }));
  failsWith(code, /data is neither an array nor an object/, () =>
    split('{"data":5}', { recordsPath: ['data'] }),
  );
  failsWith(code, /the page is neither/, () => split('true', {}));
});

test('a key of the path that stands twice is an error, since the first records are already out', () => {
  failsWith('source.malformed_json', /twice/, () => split('{"a":[{}],"a":[{}]}', { recordsPath: ['a'] }));
});

test('something other than JSON, a cut page and a malformed page have each their code', () => {
  for (const text of ['<html></html>', ' hello', '\u00e4'])
    failsWith('source.not_json', /not JSON/, () => split(text, {}));
  for (const text of ['', ' ', '\ufeff']) failsWith('source.truncated', /empty/, () => split(text, {}, 1));
  for (const text of ['[{"a":1}', '[{"a":"\\', '{"a":tru', '[1.', '[-'])
    failsWith('source.truncated', /before its JSON does/, () => split(text, {}));
  for (const text of [
    '[{}]]',
    '[{}],',
    '[{"a":01}]',
    '[{"a":1,}]',
    '[{"a":"\t"}]',
    '[{"a":nul}]',
    '[}',
    '["\\x"]',
    '[1.e1]',
  ])
    failsWith('source.malformed_json', /at byte \d+/, () => split(text, {}));
});

test('a record past the limit is set aside with its first bytes, and splitting goes on', () => {
  const big = `{"a":"${'x'.repeat(9000)}"}`;
  for (const [format, text] of [
    ['json', `[{"b":1},${big},{"c":2}]`],
    ['ndjson', `{"b":1}\n${big}\n{"c":2}`],
  ] as const) {
    for (const chunkBytes of [100, 5000, 1 << 20]) {
      const { lines, rows, setAside } = split(text, { format, maxRecordBytes: 8000 }, chunkBytes);
      assert.deepEqual(lines, ['{"b":1}', '{"c":2}']);
      assert.equal(rows, 2);
      assert.deepEqual(
        setAside.map((s) => [s.code, s.record.length]),
        [['record.too_large', 4096]],
      );
      assert.equal(Buffer.from(setAside[0]!.record).toString(), big.slice(0, 4096));
    }
  }
});

test('a record of 200 MB does not stay in memory', () => {
  const chunk = Buffer.alloc(1 << 20, 'x');
  for (const format of ['json', 'ndjson'] as const) {
    const splitter = new RecordSplitter({ format, maxRecordBytes: LIMIT });
    splitter.push(Buffer.from(format === 'json' ? '[{"a":"' : '{"a":"'));
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 200; i++) splitter.push(chunk);
    splitter.push(Buffer.from(format === 'json' ? '"},{"b":1}]' : '"}\n{"b":1}\n'));
    const grown = process.memoryUsage().rss - before;
    splitter.end();
    const { records, setAside } = splitter.take();
    assert.equal(Buffer.from(records).toString(), '{"b":1}\n');
    assert.equal(setAside[0]?.code, 'record.too_large');
    assert.ok(grown < 32 << 20, `memory grew by ${grown} bytes`);
  }
});

test('an envelope past its limit is refused', () => {
  const splitter = new RecordSplitter({ format: 'json', recordsPath: ['items'], maxRecordBytes: LIMIT });
  splitter.push(Buffer.from('{"junk":"'));
  const chunk = Buffer.alloc(1 << 20, 'x');
  failsWith('source.too_large', /16 MB/, () => {
    for (let i = 0; i < 17; i++) splitter.push(chunk);
  });
});

test('records can be taken while the page is still coming', () => {
  const splitter = new RecordSplitter({ format: 'json', maxRecordBytes: LIMIT });
  splitter.push(Buffer.from('[{"a":1},{"b"'));
  const first = splitter.take();
  assert.deepEqual([Buffer.from(first.records).toString(), first.rows], ['{"a":1}\n', 1]);
  splitter.push(Buffer.from(':2}]'));
  splitter.end();
  assert.equal(Buffer.from(splitter.take().records).toString(), '{"b":2}\n');
});

test('deep nesting passes, deeper than any reader is refused', () => {
  assert.equal(split(`[{"a":${'['.repeat(5000)}${']'.repeat(5000)}}]`, {}).rows, 1);
  failsWith('source.malformed_json', /at byte/, () => split('['.repeat(70_000), {}));
});
