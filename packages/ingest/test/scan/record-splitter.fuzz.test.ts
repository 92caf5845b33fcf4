import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { isHakiriError } from '@hakiri/core';
import { fuzzCount, type Random, underSeeds } from '../../../../test/support/random.ts';
import { RecordSplitter } from '../../src/scan/index.ts';
import { blankText, chunksOf, mutated, objectText, valueText } from './json-text.ts';

const FUZZ_COUNT = fuzzCount(300);

interface Outcome {
  readonly error?: string;
  readonly lines: readonly Buffer[];
  readonly aside: readonly string[];
  readonly envelope?: unknown;
}

function run(chunks: readonly Buffer[], path: readonly string[], random: Random): Outcome {
  const splitter = new RecordSplitter({ format: 'json', recordsPath: path, maxRecordBytes: 1 << 20 });
  const records: Uint8Array[] = [];
  const aside: string[] = [];
  const take = () => {
    const taken = splitter.take();
    records.push(taken.records);
    aside.push(...taken.setAside.map((s) => Buffer.from(s.record).toString()));
  };
  try {
    for (const chunk of chunks) {
      splitter.push(chunk);
      chunk.fill(0xee);
      if (random.chance(0.3)) take();
    }
    const { envelope } = splitter.end();
    take();
    return { lines: linesOf(Buffer.concat(records)), aside, envelope };
  } catch (error) {
    if (!isHakiriError(error) || error.code === 'internal') throw error;
    return { error: `${error.code} ${error.message}`, lines: [], aside };
  }
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    lines.push(bytes.subarray(at, end));
    at = end + 1;
  }
  return lines;
}

/** What JSON.parse makes of the page. */
function oracle(bytes: Buffer, path: readonly string[]): { valid: boolean; records?: unknown[] } {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return { valid: false };
  }
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return { valid: true };
    value = (value as Record<string, unknown>)[key];
  }
  if (value === null) return { valid: true, records: [] };
  if (Array.isArray(value)) return { valid: true, records: value };
  return typeof value === 'object' ? { valid: true, records: [value] } : { valid: true };
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkPage(bytes: Buffer, path: readonly string[], random: Random): Outcome {
  const expected = oracle(bytes, path);
  const got = run(chunksOf(random, bytes), path, random);
  const shown = `${JSON.stringify(bytes.toString('latin1'))} path ${path.join('.')}: ${got.error}`;
  if (got.error?.includes('twice')) return got;
  if (!expected.valid)
    assert.match(got.error ?? 'accepted', /^source\.(malformed_json|truncated|not_json)/, shown);
  else if (expected.records === undefined)
    assert.match(got.error ?? 'accepted', /^source\.records_path/, shown);
  else {
    assert.equal(got.error, undefined, shown);
    const values = got.lines.map((line) => JSON.parse(new TextDecoder().decode(line)));
    assert.ok(isDeepStrictEqual(values, expected.records.filter(isRecord)), shown);
    assert.equal(got.aside.length, expected.records.filter((r) => !isRecord(r)).length, shown);
  }
  return got;
}

interface Page {
  readonly bytes: Buffer;
  readonly path: readonly string[];
  readonly records: readonly string[];
}

function page(random: Random): Page {
  const pad = () => blankText(random);
  const records = Array.from({ length: random.below(5) }, () => objectText(random, 3));
  let text = `[${records.map((r) => pad() + r + pad()).join(',') || pad()}]`;
  const path: string[] = [];
  for (let level = random.below(3); level > 0; level--) {
    const key = `p${level}`;
    path.unshift(key);
    const before = random.chance(0.5) ? `"x":${valueText(random, 2)},` : '';
    const after = random.chance(0.5) ? `,${pad()}"y":${valueText(random, 2)}` : '';
    text = `{${pad()}${before}"${key}"${pad()}:${pad()}${text}${pad()}${after}}`;
  }
  const bom = random.chance(0.1) ? '\ufeff' : '';
  return { bytes: Buffer.from(bom + pad() + text + pad()), path, records };
}

test('pages cut anywhere give the records that JSON.parse sees, byte for byte', () => {
  underSeeds(FUZZ_COUNT, (random) => {
    const { bytes, path, records } = page(random);
    const { lines } = checkPage(bytes, path, random);
    assert.deepEqual(
      lines.map(String),
      records.map((record) => record.replace(/[\r\n]/g, ' ')),
    );
  });
});

test('damaged pages are accepted exactly when JSON.parse accepts them', () => {
  underSeeds(FUZZ_COUNT * 4, (random) => {
    const { bytes, path } = page(random);
    let damaged = mutated(random, bytes);
    if (random.chance(0.3)) damaged = mutated(random, damaged);
    checkPage(damaged, path, random);
  });
});

test('any value at all is read as JSON.parse reads it', () => {
  underSeeds(FUZZ_COUNT, (random) => {
    const text = Buffer.from(blankText(random) + valueText(random, 4) + blankText(random));
    checkPage(text, random.chance(0.5) ? [] : ['k0'], random);
    checkPage(mutated(random, text), [], random);
  });
});
