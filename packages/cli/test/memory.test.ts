import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isHakiriError, type Memory, OWNER_GRANT } from '@hakiri/core';
import { FULL_PROFILE } from '../src/full/full-profile.ts';
import { memoryOf } from '../src/full/memory.ts';
import { openProject } from '../src/open-project.ts';
import { createScrubber } from '../src/scrub.ts';
import type { Project } from '../src/services.ts';
import { emptyFolder } from './support/harness.ts';

interface Remembering {
  readonly folder: string;
  readonly project: Project;
  readonly memory: Memory;
}

/** A project that stays open, with real children of the engine. */
async function remembering(t: TestContext): Promise<Remembering> {
  const folder = emptyFolder(t);
  writeFileSync(join(folder, 'hakiri.toml'), '[project]\nname = "demo"\n');
  const staying = { command: 'test', keepWriterMs: 2000, keepChildrenMs: 60_000, onNote: () => {} };
  const project = await openProject(folder, { env: {}, scrubber: createScrubber(), staying }, FULL_PROFILE);
  t.after(() => project.close());
  return { folder, project, memory: memoryOf(project) };
}

const texts = async (memory: Memory, text: string, more: object = {}): Promise<readonly string[]> =>
  (await memory.search({ text, ...more }, OWNER_GRANT)).items.map((item) => item.text);

const fails = (code: string) => (error: unknown) => isHakiriError(error) && error.code === code;

function isInFiles(folder: string, word: string): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(word),
  );
}

test('what is written is found at once, with its source, and byte for byte', async (t) => {
  const { project, memory } = await remembering(t);
  assert.deepEqual((await memory.search({ text: 'anything' }, OWNER_GRANT)).items, []);
  const text = 'Ada’s 🦜 says:\t"naïve"\r\n  \\n \u0000 café';
  const metadata = { ticket: 4711, nested: { list: [1, null, 'x'], big: '9007199254740993' } };
  const { ids, run } = await memory.write(
    { items: [{ text, subject: 'ada', tags: ['parrot', 'x'], metadata, source: 'chat' }, { text: 'other' }] },
    OWNER_GRANT,
  );
  const { items } = await memory.search({ text: 'parrot naive café', k: 1 }, OWNER_GRANT);
  const [found] = items;
  assert.deepEqual(
    { ...found, created: '', score: 0 },
    {
      id: ids[0],
      text,
      subject: 'ada',
      tags: ['parrot', 'x'],
      metadata,
      source: 'chat',
      created: '',
      superseded: null,
      score: 0,
      citation: { ...found?.citation, table: 'memory_default', key: [ids[0]], run, author: 'owner' },
    },
  );
  const [row] = await (await project.serve()).get(
    { table: 'memory_default', keys: [[ids[0] ?? '']] },
    OWNER_GRANT,
  );
  assert.equal(row?.values.text, text);
  assert.equal(row?.citation.run, run);
});

test('without a text the newest come first; subject, tags and a filter narrow, and cannot widen', async (t) => {
  const { memory } = await remembering(t);
  const write = (text: string, subject: string, tags: readonly string[]) =>
    memory.write({ items: [{ text, subject, tags }] }, OWNER_GRANT);
  await write('tabs', 'ada', ['editor', 'taste']);
  await write('spaces', 'bob', ['editor']);
  await write('tea', "o'neill", ['taste']);
  const found = async (request: object) =>
    (await memory.search(request, OWNER_GRANT)).items.map(({ text }) => text);
  assert.deepEqual(await found({}), ['tea', 'spaces', 'tabs']);
  assert.deepEqual(await found({ k: 1 }), ['tea']);
  assert.deepEqual(await found({ subject: "o'neill" }), ['tea']);
  assert.deepEqual(await found({ tags: ['editor', 'taste'] }), ['tabs']);
  assert.deepEqual(await found({ tags: ['editor'], filter: "subject = 'bob'" }), ['spaces']);
  const both = await texts(memory, 'tabs spaces tea', { tags: ['editor'], k: 9 });
  assert.deepEqual([...both].sort(), ['spaces', 'tabs']);
  await assert.rejects(
    memory.search({ subject: 'ada', filter: "subject = 'ada') or (subject = 'bob'" }, OWNER_GRANT),
    fails('predicate.invalid'),
  );
});

test('an item that another replaces is left out of searches, and can still be read', async (t) => {
  const { memory } = await remembering(t);
  const first = await memory.write({ items: [{ text: 'the office is in Bonn' }] }, OWNER_GRANT);
  const [supersedes] = first.ids;
  assert.ok(supersedes);
  await memory.write({ items: [{ text: 'the office is in Köln', supersedes }] }, OWNER_GRANT);
  assert.deepEqual(await texts(memory, 'office'), ['the office is in Köln']);
  const all = await memory.search({ text: 'office Bonn', includeSuperseded: true }, OWNER_GRANT);
  assert.deepEqual(
    all.items.map(({ superseded }) => superseded !== null),
    [true, false],
  );
  await assert.rejects(
    memory.write({ items: [{ text: 'x', supersedes: '01JAZ3NDEKTSV4RRFFQ69G5FAV' }] }, OWNER_GRANT),
    fails('memory.invalid'),
  );
});

test('what is forgotten is in no search and no table; the run of its tombstone is the proof', async (t) => {
  const { project, memory } = await remembering(t);
  await memory.write(
    { items: ['one', 'two', 'three'].map((word) => ({ text: `${word} secret`, subject: word })) },
    OWNER_GRANT,
  );
  assert.equal((await texts(memory, 'secret')).length, 3);
  const done = await memory.forget({ subject: 'two' }, OWNER_GRANT);
  assert.equal(done.forgotten.length, 1);
  assert.ok(done.proof.run);
  assert.deepEqual([...(await texts(memory, 'secret two'))].sort(), ['one secret', 'three secret']);
  const { rows } = await (await project.serve()).query(
    { sql: 'select text from memory_default' },
    OWNER_GRANT,
  );
  assert.deepEqual(rows.flat().sort(), ['one secret', 'three secret']);
  assert.deepEqual((await memory.forget({ ids: done.forgotten }, OWNER_GRANT)).forgotten, []);
  await assert.rejects(memory.forget({}, OWNER_GRANT), fails('memory.invalid'));
});

test('what is erased is in no file', async (t) => {
  const { folder, memory } = await remembering(t);
  await memory.write({ items: [{ text: 'the word is xylophone', subject: 'ada' }] }, OWNER_GRANT);
  await memory.write({ items: [{ text: 'the word is trumpet' }] }, OWNER_GRANT);
  assert.equal((await texts(memory, 'xylophone', { k: 1 }))[0], 'the word is xylophone');
  assert.ok(isInFiles(folder, 'xylophone'));
  const { proof } = await memory.forget({ subject: 'ada', erase: true }, OWNER_GRANT);
  assert.equal(proof.erasures?.length, 1);
  assert.ok(!isInFiles(folder, 'xylophon'));
  assert.deepEqual(await texts(memory, 'word'), ['the word is trumpet']);
});

test('namespaces are tables of their own; what is not valid is told and nothing is written', async (t) => {
  const { memory } = await remembering(t);
  await memory.write({ namespace: 'a', items: [{ text: 'in a' }] }, OWNER_GRANT);
  await memory.write({ namespace: 'b', items: [{ text: 'in b' }] }, OWNER_GRANT);
  assert.deepEqual(await texts(memory, 'in', { namespace: 'a' }), ['in a']);
  const bad = (namespace: string, text: string) =>
    memory.write({ namespace, items: [{ text }] }, OWNER_GRANT);
  await assert.rejects(bad('../a', 'x'), fails('memory.invalid'));
  await assert.rejects(bad('a', ' '), fails('memory.invalid'));
  await assert.rejects(bad('a', 'x'.repeat(100_001)), fails('memory.too_large'));
  await assert.rejects(memory.write({ items: [] }, OWNER_GRANT), fails('memory.invalid'));
  assert.deepEqual((await memory.search({ namespace: 'a' }, OWNER_GRANT)).items.length, 1);
});
