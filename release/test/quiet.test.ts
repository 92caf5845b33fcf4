import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { emptyFolder, releasedProgram } from './support/released.ts';
import { needsNamespaces, REACHED_OUT, type Watched, watch } from './support/watch-offline.ts';

function project(t: TestContext, pipeline: string): (script: string) => Watched {
  const folder = emptyFolder(t);
  writeFileSync(join(folder, 'hakiri.toml'), `[project]\nname = "demo"\n\n[[pipeline]]\n${pipeline}`);
  writeFileSync(join(folder, 'things.ndjson'), '{"id":1,"text":"a word or two"}\n');
  const env = { PATH: process.env.PATH ?? '', HOME: folder, HAKIRI: releasedProgram('full') };
  return (script) => watch(['sh', '-c', script], { cwd: folder, env });
}

const THINGS = `id = "things"
schedule = "every 1s"
source = { connector = "file", config = { path = "things.ndjson" } }
  [[pipeline.tables]]
  source = "things"
  name = "things"
  primary_key = ["id"]
  indexes.words = { kind = "fts", columns = ["text"] }
  indexes.near = { kind = "vector", column = "text" }
`;

/** What makes a DuckDB that may do so fetch something. */
const TEMPTATIONS = [
  "from 'https://example.org/x.csv'",
  "from read_parquet('s3://example/x.parquet')",
  "from read_xlsx('x.xlsx')",
  "from sqlite_scan('x.sqlite', 'x')",
  'select st_point(1, 2)',
  "select '192.0.2.1'::inet",
  'install httpfs',
  'load spatial',
];

test(
  'a project of files reaches for nothing: pulled, asked, searched, served, idle, and looked over',
  needsNamespaces,
  (t) => {
    const tempted = TEMPTATIONS.map((sql) => `"$HAKIRI" query "${sql}" && echo "not refused: ${sql}"`);
    const { code, stdout, stderr } = project(
      t,
      THINGS,
    )(`
    "$HAKIRI" run || exit 1
    ${tempted.join('\n')}
    "$HAKIRI" query --search word --in things --select id --top 1 || exit 1
    "$HAKIRI" serve --port 0 >/dev/null 2>daemon.log &
    sleep 4
    "$HAKIRI" doctor || exit 1
    kill $!; wait $! || exit 1
    grep -c '"run ended"' daemon.log`);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /not refused/);
    assert.match(stdout, /^ok +mcp: /m);
    assert.ok(Number(stdout.trim().split('\n').at(-1)) >= 2, stdout);
  },
);

test(
  'a source that is elsewhere is reached for, which is noticed, and the run named',
  needsNamespaces,
  (t) => {
    const far = `id = "far"
allow_hosts = ["api.example.org"]
source = { connector = "http", config = { base_url = "https://api.example.org", rate_limit = { max_wait_seconds = 0 }, resources = [{ name = "rows", path = "/rows" }] } }
`;
    const { code, stderr, attempts } = project(t, far)('"$HAKIRI" run far');
    assert.equal(code, REACHED_OUT);
    assert.match(stderr, /error\[source\.network\]/);
    for (const attempt of attempts) {
      assert.match(attempt, /^asked \S+:53 for the name api\.example\.org \((A|AAAA)\)/);
      assert.match(attempt, /by process \d+: .*\/boot\.cjs run far\n/);
      assert.match(attempt, /started by \d+: sh -c /);
    }
    assert.ok(attempts.length > 0);
  },
);
