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
      const inWork = ['--project', '/work'];
      assert.match(hakiri(['--help']).stdout, /^USAGE\n/);
      const ran = hakiri(['run', 'github-issues', ...inWork]);
      assert.equal(ran.code, 0, ran.stderr);
      const sql = 'select count(*) as issues from github_issues';
      const asked = hakiri(['query', sql, '--format', 'json', ...inWork]);
      assert.equal(asked.code, 0, asked.stderr);
      assert.match(asked.stdout, /1200/);
    },
  );
}
