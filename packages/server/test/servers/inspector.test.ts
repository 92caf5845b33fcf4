import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { createMcp } from '../../src/index.ts';
import { TOKEN } from '../support/connect.ts';
import { fakeServices } from '../support/fake-services.ts';
import { listen } from '../support/listen.ts';
import { installPeers, run } from '../support/peers.ts';

describe('the official inspector', () => {
  let inspect: (...args: readonly string[]) => ReturnType<typeof run>;
  before(async () => {
    const peer = await installPeers();
    const launcher = peer('@modelcontextprotocol/inspector/clients/launcher/build/index.js');
    inspect = (...args) => run(process.execPath, [launcher, '--cli', ...args, '--format', 'json']);
  });

  for (const era of ['legacy', 'modern']) {
    test(`${era} era, stdio: finds nothing in the schemas of the tools that a client could not take`, async () => {
      const program = join(import.meta.dirname, '../support/stdio-program.ts');
      const list = ['--method', 'tools/list', '--strict', '--protocol-era', era];
      const { exitCode, stdout, stderr } = await inspect(process.execPath, program, ...list);
      assert.equal(stderr, '');
      assert.equal(exitCode, 0);
      assert.equal(JSON.parse(stdout).result.tools.length, 11);
    });

    test(`${era} era, HTTP: calls a tool`, async (t) => {
      const { url } = await listen(t, createMcp(fakeServices()));
      const { exitCode, stdout, stderr } = await inspect(
        url,
        ...['--header', `Authorization: Bearer ${TOKEN}`, '--protocol-era', era],
        ...['--method', 'tools/call', '--tool-name', 'context_query'],
        ...['--tool-args-json', '{"table":"notes","limit":1}'],
      );
      assert.equal(exitCode, 0, stderr);
      assert.deepEqual(JSON.parse(stdout).result.structuredContent.rows, [[1, 'first', 'a note']]);
    });
  }
});
