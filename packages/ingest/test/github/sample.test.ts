import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { sampleNdjson } from '../../../../scripts/sample/issues.ts';
import { createGithubSource } from '../../src/github/github-source.ts';
import { sampleBytes } from '../../src/github/sample/sample.asset.ts';
import { createSampleTransport } from '../../src/github/sample/sample-transport.ts';
import { pullAll, rowsOf, testContext } from '../support/test-context.ts';

const context = () => testContext({ allowHosts: [], transport: createSampleTransport(sampleBytes) });

describe('the sample', () => {
  it('is what its generator makes', () => {
    assert.ok(zstdDecompressSync(sampleBytes()).equals(sampleNdjson()), 'run `node scripts/make-sample.ts`');
    assert.ok(sampleBytes().length < 250 * 1024);
  });

  it('has what real issues have', () => {
    const issues = rowsOf(zstdDecompressSync(sampleBytes()));
    assert.equal(issues.length, 1200);
    assert.equal(new Set(issues.map((issue) => issue.id)).size, 1200);
    const pulls = issues.filter((issue) => issue.pull_request !== undefined).length;
    assert.ok(pulls > 120 && pulls < 240, `${pulls} pull requests`);
    const text = issues.map((issue) => `${issue.title} ${issue.body}`).join('\n');
    for (const part of [
      /\p{Script=Han}/u,
      /\p{Script=Hebrew}/u,
      /\p{Script=Arabic}/u,
      /👩‍👩‍👧‍👦/u,
      /memory leak.*parquet/i,
      /```/,
    ]) {
      assert.match(text, part);
    }
    assert.ok(issues.some((issue) => issue.body === null));
    const times = issues.map((issue) => String(issue.updated_at));
    assert.deepEqual(times, [...times].sort());
  });

  it('is read through the github source without a network', async () => {
    const source = createGithubSource({ sample: true }, context());
    const pulled = await pullAll(source, 'issues');
    assert.equal(pulled.rows.length, 1200);
    assert.equal(new Set(pulled.rows.map((row) => row.id)).size, 1200);
    assert.equal(pulled.rows[0]?.repo, 'hakiri/sample');
    assert.equal(pulled.complete, true);
    assert.deepEqual((await pullAll(source, 'issues', pulled.cursor)).rows, []);
    const signal = new AbortController().signal;
    assert.equal((await source.estimate({ table: 'issues', cursor: undefined, signal })).pages, 12);
    assert.deepEqual(
      (await source.discover()).map((table) => table.name),
      ['issues'],
    );
  });
});
