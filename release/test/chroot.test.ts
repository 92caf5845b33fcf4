import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROFILES } from '../src/profile.ts';
import { emptyChroot } from './support/chroot.ts';
import { needsRoot, releasedProgram } from './support/released.ts';

for (const profile of PROFILES) {
  test(
    `${profile}: the sample runs and is queried where there is nothing but the program`,
    needsRoot,
    (t) => {
      const { hakiri } = emptyChroot(t, releasedProgram(profile));
      const inHome = ['--project', '/home'];
      assert.match(hakiri(['--help']).stdout, /^USAGE\n/);
      const ran = hakiri(['run', 'github-issues', ...inHome]);
      assert.equal(ran.code, 0, ran.stderr);
      const sql = 'select count(*) as issues from github_issues';
      const asked = hakiri(['query', sql, '--format', 'json', ...inHome]);
      assert.equal(asked.code, 0, asked.stderr);
      assert.match(asked.stdout, /1200/);
    },
  );
}

test(
  'full: an agent with a token searches over MCP where there is nothing but the program',
  needsRoot,
  (t) => {
    const { hakiri } = emptyChroot(t, releasedProgram('full'));
    const inHome = ['--project', '/home'];
    assert.equal(hakiri(['run', 'github-issues', ...inHome]).code, 0);
    const rights = [
      '--table',
      'github_issues',
      '--action',
      'read',
      '--action',
      'search',
      '--rows',
      "state = 'open'",
    ];
    const issued = hakiri([
      'token',
      'issue',
      '--agent',
      'triage',
      '--zone',
      'local:device',
      ...rights,
      ...inHome,
    ]);
    assert.equal(issued.code, 0, issued.stderr);

    const query = {
      table: 'github_issues',
      filter: 'comments > 3',
      search: { text: 'memory leak while reading parquet', k: 5 },
      select: ['number', 'state', 'title'],
    };
    const call = {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'context_query', arguments: query },
    };
    const served = hakiri(['mcp', ...inHome], {
      env: { HAKIRI_TOKEN: issued.stdout.trim() },
      input: `${JSON.stringify(call)}\n`,
    });
    assert.equal(served.code, 0, served.stderr);
    const { rows, columns } = JSON.parse(served.stdout).result.structuredContent;
    assert.equal(rows.length, 5, served.stdout);
    const said = JSON.stringify([columns, rows]);
    assert.match(said, /Memory leak/);
    assert.match(said, /open/);
    assert.doesNotMatch(said, /closed/);
  },
);

test('full: the index of vectors can be loaded where there is nothing but the program', needsRoot, (t) => {
  const { hakiri } = emptyChroot(t, releasedProgram('full'));
  const script = `
    const { dirname } = require('node:path');
    process.stdout.write(typeof require(dirname(process.argv[1]) + '/usearch.node').CompiledIndex);`;
  const { stdout, stderr } = hakiri(['__node', '--eval', script, '--']);
  assert.equal(stdout, 'function', stderr);
});
