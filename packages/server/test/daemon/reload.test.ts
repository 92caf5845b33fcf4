import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifest } from '@hakiri/core/manifest';
import { manifestDiff } from '../../src/daemon/manifest-diff.ts';
import { watch } from '../../src/daemon/watch.ts';
import { fakeClock } from '../support/fake-clock.ts';

test('a change is acted on once it has stayed for a look', async () => {
  const clock = fakeClock(0);
  const end = new AbortController();
  let stamp = 'a';
  const seen: string[] = [];
  const watching = watch({
    clock,
    everyMs: 1000,
    signal: end.signal,
    stamp: async () => stamp,
    onChange: async () => void seen.push(stamp),
  });
  await clock.pass(3000);
  assert.deepEqual(seen, []);
  stamp = 'half';
  await clock.pass(1000);
  stamp = 'whole';
  await clock.pass(1000);
  assert.deepEqual(seen, []);
  await clock.pass(5000);
  assert.deepEqual(seen, ['whole']);
  end.abort();
  await watching;
});

test('what cannot be looked at is a change, and so is its return', async () => {
  const clock = fakeClock(0);
  const end = new AbortController();
  let gone = false;
  let changes = 0;
  const watching = watch({
    clock,
    everyMs: 1000,
    signal: end.signal,
    stamp: async () => {
      if (gone) throw new Error('gone');
      return 'a';
    },
    onChange: async () => void changes++,
  });
  await clock.pass(2000);
  gone = true;
  await clock.pass(3000);
  assert.equal(changes, 1);
  gone = false;
  await clock.pass(3000);
  assert.equal(changes, 2);
  end.abort();
  await watching;
});

const manifest = (body: string) =>
  readManifest([{ file: 'hakiri.toml', text: `[project]\nname = "x"\n${body}` }]);
const pipeline = (id: string, more = '') =>
  `[[pipeline]]\nid = "${id}"\nsource = { connector = "file", config = { path = "${id}.csv" } }\n${more}\n`;

test('a difference names pipelines and keys, and no value', () => {
  const before = manifest(pipeline('a') + pipeline('b', 'schedule = "every 15m"') + pipeline('c'));
  const after = manifest(
    pipeline('a') +
      pipeline('b', 'schedule = "every 5m"\nsecrets = ["KEY"]') +
      pipeline('d') +
      '[[transforms]]\ntable = "file_d"\nfilter = "x = \'secret\'"\n' +
      '[[policy]]\ntable = "file_d"\nrows = "x = \'secret\'"\n',
  );
  const diff = manifestDiff(before, after);
  assert.deepEqual(diff, [
    'pipeline d added',
    'pipeline c removed',
    'pipeline b changed: secrets, schedule',
    'transforms changed',
    'policies changed',
  ]);
  assert.deepEqual(manifestDiff(before, before), []);
});
