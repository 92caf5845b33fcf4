import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkServer } from '../src/full/check-server.ts';
import { VERSION } from '../src/version.ts';
import { emptyFolder } from './support/harness.ts';

/** A program whose server says that it is of that version. */
function serverOf(t: TestContext, version: string, tool: string): string {
  const folder = emptyFolder(t);
  const program = join(folder, 'hakiri');
  const answers = {
    initialize: { serverInfo: { name: 'hakiri', version } },
    'tools/list': { tools: [{ name: tool }] },
  };
  writeFileSync(
    program,
    `#!${process.execPath}
const answers = ${JSON.stringify(answers)};
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: answers[method] }));
});
`,
  );
  chmodSync(program, 0o700);
  const before = process.env.HAKIRI_SELF;
  process.env.HAKIRI_SELF = program;
  t.after(() => {
    if (before === undefined) delete process.env.HAKIRI_SELF;
    else process.env.HAKIRI_SELF = before;
  });
  return folder;
}

test('a server of this version is what is to answer', async (t) => {
  const { state, message } = await checkServer(serverOf(t, VERSION, 'session_incognito'), {});
  assert.equal(state, 'ok');
  assert.match(message, new RegExp(`^hakiri ${VERSION} answered in \\d+ ms with 1 tools$`));
});

test('a daemon of another version, which still runs, is told', async (t) => {
  const check = await checkServer(serverOf(t, '0.0.9', 'session_incognito'), {});
  assert.equal(check.state, 'warning');
  assert.match(check.message, /of version 0\.0\.9; this is /);
  assert.match(check.hint ?? '', /Start it anew/);
});

test('a server without the tools of every agent is none of ours', async (t) => {
  const { state, message } = await checkServer(serverOf(t, VERSION, 'other'), {});
  assert.deepEqual([state, message], ['failed', 'hakiri offers no session_incognito']);
});
