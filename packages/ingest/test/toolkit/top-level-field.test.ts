import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fieldPath, rawField, rawFieldText } from '../../src/toolkit/top-level-field.ts';

const RUNS = Number(process.env.HAKIRI_FUZZ_COUNT ?? 500);
const text = (record: string, path: string) => rawFieldText(Buffer.from(record), fieldPath(path));

describe('the raw text of a field', () => {
  it('is what stands in the record', () => {
    assert.equal(text('{"a":9007199254740993}', 'a'), '9007199254740993');
    assert.equal(text('{ "x" : {"a":1} , "a" : 1.50 }', 'a'), '1.50');
    assert.equal(text('{"x":"\\"a\\":2,}","a":"b\\\\"}', 'a'), '"b\\\\"');
    assert.equal(text('{"x":[{"a":1},"]"],"a":[1,{"b":"}"}]}', 'a'), '[1,{"b":"}"}]');
    assert.equal(text('{"\\u0061":7}', 'a'), '7');
  });

  it('is found through objects by a dotted path', () => {
    assert.equal(text('{"a":{"x":1,"b":{"c":true}}}', 'a.b.c'), 'true');
    assert.equal(text('{"a":[1]}', 'a.b'), undefined);
    assert.equal(text('{"a":null}', 'a.b'), undefined);
  });

  it('is missing where there is none, or null', () => {
    for (const record of ['{}', '{"b":1}', '[1]', '"a"', '', '{"a":null}'])
      assert.equal(text(record, 'a'), undefined);
  });

  it('agrees with JSON.parse on any object, and ends on any bytes', () => {
    const key = fc.oneof(fc.constantFrom('a', 'b', 'ä', '"', '\\', ''), fc.string());
    fc.assert(
      fc.property(
        fc.dictionary(key, fc.jsonValue()),
        key.filter((name) => !name.includes('.')),
        fc.boolean(),
        (record, name, pretty) => {
          const bytes = Buffer.from(JSON.stringify(record, null, pretty ? 1 : 0));
          const raw = rawField(bytes, fieldPath(name));
          const expected = Object.hasOwn(record, name) ? JSON.stringify(record[name]) : undefined;
          assert.equal(
            raw === undefined ? undefined : JSON.stringify(JSON.parse(Buffer.from(raw).toString())),
            expected,
          );
        },
      ),
      { numRuns: RUNS },
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', '"', '\\', ':', ',', 'a', '1', ' ') }),
        (garbage) => {
          rawField(Buffer.from(garbage), fieldPath('a'));
        },
      ),
      { numRuns: RUNS },
    );
  });
});
