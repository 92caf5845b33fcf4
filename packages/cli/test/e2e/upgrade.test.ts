import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answered, inCatalog } from '../../../store/test/support/earlier/questions.ts';
import {
  BUILDS,
  type Build,
  hasWhat,
  NOWHERE,
  type RowsServer,
  serveRows,
} from '../../../store/test/support/earlier/served-rows.ts';
import { type EarlierStore, unpackEarlier } from '../../../store/test/support/earlier/unpack.ts';
import { type CliProject, cliProject } from '../support/cli-project.ts';

const UPGRADED = /^note: the store was upgraded from format 1 to 2; what was changed is kept in (\S+)$/m;

/** A project that an earlier build left, and the API that it pulls from. */
async function earlierProject(
  t: TestContext,
  build: Build,
): Promise<{ project: CliProject; earlier: EarlierStore; server: RowsServer }> {
  const server = await serveRows(build);
  t.after(() => server.close());
  const project = cliProject(t, '', { profile: hasWhat(build, 'search') ? 'full' : 'core' });
  const earlier = unpackEarlier(t, build, project.folder);
  const toml = join(project.folder, 'hakiri.toml');
  const { host } = new URL(server.origin);
  writeFileSync(toml, readFileSync(toml, 'utf8').replaceAll(NOWHERE, host));
  return { project, earlier, server };
}

for (const build of BUILDS) {
  test(`a store of the build "${build}" answers as it did, and goes on from where it was`, async (t) => {
    const { project, earlier, server } = await earlierProject(t, build);
    const { expected } = earlier;
    const [first, ...others] = expected.answers;
    assert.ok(first);
    const { stdout, stderr } = await project.hakiri(...first.argv, '--json');
    const backup = UPGRADED.exec(stderr)?.[1] ?? '';
    assert.ok(backup.startsWith(join(earlier.context, 'backups/format-1-')), stderr);
    assert.deepEqual(answered(first.argv, stdout), first);
    for (const answer of others) {
      const ended = await project.hakiri(...answer.argv, '--json');
      assert.equal(ended.stderr, '');
      assert.deepEqual(answered(answer.argv, ended.stdout), answer);
    }
    if (expected.memory !== undefined) {
      const found = await project.hakiri('memory', 'search', '--json');
      const { items } = JSON.parse(found.stdout) as { items: { text: string }[] };
      assert.deepEqual(
        items.map((item) => item.text),
        expected.memory,
      );
    }
    if (hasWhat(build, 'agents')) {
      const { code, stdout: verified } = await project.hakiri('audit', 'verify');
      assert.equal(code, 0, verified);
    }

    server.phase = 4;
    const { tables, stderr: said } = await project.run();
    assert.doesNotMatch(said, UPGRADED);
    assert.deepEqual(
      tables.map(({ rows }) => rows),
      [2, 2, 2],
    );
    for (const [list, [since]] of server.asked) assert.match(since ?? '', /^2026-01-01T00:00:4\d/, list);
    const rows = await project.rows('select id, version from events where version > 44 order by id');
    assert.deepEqual(rows, [
      { id: 9, version: 45 },
      { id: 37, version: 46 },
    ]);
    const counted = first.rows.length + 1;
    assert.deepEqual(await project.rows('select count(*) as n from events'), [{ n: counted }]);
    assert.deepEqual(readdirSync(join(earlier.context, 'backups')).length, 1);
    assert.deepEqual(await project.complaints(), []);
  });
}

test('doctor says what is kept of an earlier store, and how to be rid of it', async (t) => {
  const { project, earlier } = await earlierProject(t, 'first');
  const { code, stdout } = await project.hakiri('doctor');
  assert.equal(code, 0, stdout);
  const [name] = readdirSync(join(earlier.context, 'backups'));
  assert.match(stdout, /^ok {7}backup: What an upgrade from format 1 changed is kept$/m);
  assert.ok(stdout.includes(`${earlier.context}/backups/${name}\n`), stdout);
});

/** Root is not held back by permissions: for root the program runs as somebody else. */
const AS_SOMEBODY = process.getuid?.() === 0 ? { uid: 65_534 } : {};

function setModes(folder: string, folders: number, files: number): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? folders : files);
  }
  chmodSync(folder, folders);
  chmodSync(dirname(folder), 0o755);
}

test('an earlier store where nothing can be written is refused, and says what to do', async (t) => {
  const project = cliProject(t, '', AS_SOMEBODY);
  const { context } = unpackEarlier(t, 'first', project.folder);
  setModes(project.folder, 0o555, 0o444);
  const { error } = await project.failing('tables');
  setModes(project.folder, 0o755, 0o644);
  assert.equal(error.code, 'store.read_only');
  assert.match(error.message, /^The store has format 1 and is brought to \d+ before it is used: /);
  assert.match(error.hint, /^Copy the folder/);
  assert.equal(inCatalog(join(context, 'meta.sqlite')).catalog, 1);
});
