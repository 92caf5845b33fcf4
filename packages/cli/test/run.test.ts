import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Commit,
  HakiriError,
  type JobId,
  type PipelineId,
  type RunId,
  type TableName,
} from '@hakiri/core';
import type { RunReport, TableRef, TableReport } from '@hakiri/ingest';
import type { Project, RunRequest } from '../src/services.ts';
import { emptyFolder, hakiri, manifest, projectFolder } from './support/harness.ts';

const REF: TableRef = {
  pipeline: 'github-issues' as PipelineId,
  source: 'issues',
  table: 'github_issues' as TableName,
};

const COMMIT: Commit = {
  run: '01ARZ3NDEKTSV4RRFFQ69G5FAV' as RunId,
  rows: 1000,
  parts: 1,
  bytes: 250_000,
  setAside: 0,
  quarantine: undefined,
  schemaChanges: [],
};

function tableReport(parts: Partial<TableReport> = {}): TableReport {
  return {
    ref: REF,
    state: 'done',
    rows: 1000,
    setAside: 0,
    commits: [COMMIT],
    elapsedMs: 1500,
    error: undefined,
    ...parts,
  };
}

function report(...tables: readonly TableReport[]): RunReport {
  return { job: '01ARZ3NDEKTSV4RRFFQ69G5FAW' as JobId, tables };
}

/** A project with the pipeline github-issues that runs like this. */
function runs(run: (request: RunRequest) => RunReport | Promise<RunReport>): Partial<Project> {
  return { manifest: manifest('github-issues', 'orders'), run: async (request) => run(request) };
}

test('off a terminal a run is told in plain lines, and summed up', async (t) => {
  const project = runs(({ onEvent }) => {
    onEvent({ kind: 'table-started', table: REF, firstRun: true });
    const pull = { done: 3, total: 12, unit: 'pages' } as const;
    onEvent({ kind: 'progress', table: REF, rows: 10, bytes: 1, elapsedMs: 1000, pull });
    onEvent({ kind: 'progress', table: REF, rows: 6000, bytes: 1, elapsedMs: 6000, pull });
    onEvent({ kind: 'committed', table: REF, commit: COMMIT });
    onEvent({ kind: 'table-done', report: tableReport() });
    return report(tableReport());
  });
  const { code, stdout, stderr } = await hakiri({ cwd: projectFolder(t), project }, 'run', 'github-issues');
  assert.equal(code, 0);
  assert.equal(stdout, '');
  assert.deepEqual(stderr.split('\n'), [
    'github_issues: first run',
    'github_issues: 6,000 rows  1,000 rows/s  3 of 12 pages  18.0 s left',
    'github_issues: committed 1,000 rows',
    'github_issues: done, 1,000 rows in 1.5 s',
    'table          state   rows  set aside  commits  written   time',
    '-------------  -----  -----  ---------  -------  -------  -----',
    'github_issues  done   1,000          0        1   250 KB  1.5 s',
    '',
  ]);
});

test('on a terminal each table has one line that is updated in place and gone at the end', async (t) => {
  const project = runs(({ onEvent }) => {
    onEvent({ kind: 'table-started', table: REF, firstRun: false });
    onEvent({ kind: 'committed', table: REF, commit: { ...COMMIT, schemaChanges: ['body added'] } });
    onEvent({ kind: 'table-done', report: tableReport() });
    return report(tableReport());
  });
  const { stderr } = await hakiri({ cwd: projectFolder(t), project, columns: 60 }, 'run');
  const up = '\x1b[1A\r\x1b[0J';
  assert.ok(
    stderr.startsWith(
      `github_issues  starting\n${up}github_issues: schema: body added\ngithub_issues  starting\n${up}table `,
    ),
    JSON.stringify(stderr),
  );
});

test('all pipelines run when none is named, each once when named twice', async (t) => {
  const requests: (readonly string[])[] = [];
  const project = runs(({ pipelines, waitMs }) => {
    requests.push([...pipelines, String(waitMs)]);
    return report();
  });
  const cwd = projectFolder(t);
  await hakiri({ cwd, project }, 'run');
  await hakiri({ cwd, project }, 'run', 'orders', 'orders', '--wait', '1m');
  assert.deepEqual(requests, [
    ['github-issues', 'orders', '10000'],
    ['orders', '60000'],
  ]);
});

test('schema changes are told, but not the columns a new table starts with', async (t) => {
  const schemaChanges = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  for (const [firstRun, told] of [
    [true, 0],
    [false, 6],
  ] as const) {
    const project = runs(({ onEvent }) => {
      onEvent({ kind: 'table-started', table: REF, firstRun });
      onEvent({ kind: 'committed', table: REF, commit: { ...COMMIT, schemaChanges } });
      return report();
    });
    const { stderr } = await hakiri({ cwd: projectFolder(t), project }, 'run');
    assert.equal(stderr.match(/schema: /g)?.length ?? 0, told, stderr);
  }
});

test('rows set aside are told loudly, with the file', async (t) => {
  const quarantine = 'tables/github_issues/quarantine/01ARZ.ndjson';
  const project = runs(({ onEvent }) => {
    onEvent({ kind: 'committed', table: REF, commit: { ...COMMIT, setAside: 2, quarantine } });
    return report(tableReport({ setAside: 2 }));
  });
  const { stderr } = await hakiri({ cwd: projectFolder(t), project }, 'run');
  assert.match(
    stderr,
    /warning: github_issues: 2 rows were not taken and set aside, with the reasons, in tables\/github_issues\/quarantine\/01ARZ\.ndjson/,
  );
});

test('each failed table is told, and the exit code is that of the first', async (t) => {
  const auth = new HakiriError('source.auth', 'the source refused the credentials');
  const full = new HakiriError('store.disk_full', 'the disk is full');
  const project = runs(() =>
    report(
      tableReport(),
      tableReport({ state: 'failed', error: auth }),
      tableReport({ state: 'partial_failure', error: full }),
    ),
  );
  const cwd = projectFolder(t);
  const { code, stderr } = await hakiri({ cwd, project }, 'run');
  assert.equal(code, 5);
  assert.match(stderr, /error\[source\.auth\].+\nhint: .+\nerror\[store\.disk_full\].+\nhint: /);
  assert.match(stderr, /partial failure/);
});

test('--json prints the report alone, errors inside it and one a line on standard error', async (t) => {
  const error = new HakiriError('source.auth', 'the source refused the credentials');
  const project = runs(({ onEvent }) => {
    onEvent({ kind: 'table-started', table: REF, firstRun: true });
    return report(tableReport({ state: 'failed', error, commits: [] }));
  });
  const { code, stdout, stderr } = await hakiri({ cwd: projectFolder(t), project }, 'run', '--json');
  assert.equal(code, 5);
  const document = JSON.parse(stdout);
  assert.equal(document.tables[0].set_aside, 0);
  assert.equal(document.tables[0].error.code, 'source.auth');
  assert.equal(JSON.parse(stderr).error.code, 'source.auth');
});

test('the first Ctrl-C asks to stop at the next commit, and the run ends with 130', async (t) => {
  let interrupt = (): void => {};
  const project = runs(async ({ stop, kill }) => {
    interrupt();
    assert.equal(stop.aborted, true);
    assert.equal(kill.aborted, false);
    return report(tableReport({ state: 'interrupted' }));
  });
  const onReady = (ready: () => void): void => {
    interrupt = ready;
  };
  const outcome = await hakiri({ cwd: projectFolder(t), project, onReady }, 'run');
  assert.equal(outcome.code, 130);
  assert.equal(outcome.exitedWith, undefined);
  assert.match(outcome.stderr, /^stopping at the next commit; press again to stop now\n/);
});

test('the second Ctrl-C stops at once', async (t) => {
  let interrupt = (): void => {};
  const project = runs(async ({ kill }) => {
    interrupt();
    interrupt();
    assert.equal(kill.aborted, true);
    return report(tableReport({ state: 'interrupted' }));
  });
  const onReady = (ready: () => void): void => {
    interrupt = ready;
  };
  const outcome = await hakiri({ cwd: projectFolder(t), project, onReady }, 'run');
  assert.equal(outcome.exitedWith, 130);
});

test('the project is closed, also when the run throws', async (t) => {
  let closed = 0;
  const project: Partial<Project> = {
    ...runs(() => {
      throw new HakiriError('store.locked', 'process 12 is writing');
    }),
    close: async () => {
      closed += 1;
    },
  };
  const { code, stderr } = await hakiri({ cwd: projectFolder(t), project }, 'run');
  assert.equal(code, 4);
  assert.match(stderr, /error\[store\.locked\]/);
  assert.equal(closed, 1);
});

test('a recipe in a folder without a manifest writes its sample, runs it, and says how to go on', async (t) => {
  const cwd = emptyFolder(t, 'My Café-Data 2');
  const project = runs(() => report(tableReport()));
  const { code, stderr } = await hakiri({ cwd, project }, 'run', 'github-issues');
  assert.equal(code, 0);
  const text = readFileSync(join(cwd, 'hakiri.toml'), 'utf8');
  assert.match(text, /name = "my_cafe_data_2"/);
  assert.match(text, /sample = true/);
  assert.match(stderr, /wrote hakiri\.toml from the recipe github-issues/);
  assert.match(stderr, /sample that comes with Hakiri/);
  assert.match(stderr, /hakiri query "select /);
  assert.match(stderr, /hakiri init --recipe github-issues --set repo=owner\/name/);
});

test('a misspelt recipe writes nothing and is told with what was meant', async (t) => {
  const cwd = emptyFolder(t);
  const { code, stderr } = await hakiri({ cwd }, 'run', 'githb-issues');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /error\[manifest\.not_found\]: .+ no recipe "githb-issues"\nhint: Did you mean github-issues\?/,
  );
  assert.equal(existsSync(join(cwd, 'hakiri.toml')), false);
});

test('a run without a manifest or a recipe writes nothing', async (t) => {
  const cwd = emptyFolder(t);
  const { code, stderr } = await hakiri({ cwd }, 'run');
  assert.equal(code, 2);
  assert.match(stderr, /error\[manifest\.not_found\]/);
  assert.equal(existsSync(join(cwd, 'hakiri.toml')), false);
});

test('below a manifest a recipe is not written: the project is the one above', async (t) => {
  const folder = projectFolder(t);
  const cwd = join(folder, 'below');
  mkdirSync(cwd);
  const project = { manifest: manifest('orders') };
  const { code, stderr } = await hakiri({ cwd, project }, 'run', 'github-issues');
  assert.equal(code, 2);
  assert.equal(existsSync(join(cwd, 'hakiri.toml')), false);
  assert.match(stderr, /error\[usage\.unknown_name\]: there is no pipeline "github-issues"/);
  assert.match(stderr, /It is a recipe: `hakiri init --recipe github-issues`/);
});

test('a misspelt pipeline is told with what was meant', async (t) => {
  const project = { manifest: manifest('github-issues', 'orders') };
  const { code, stderr } = await hakiri({ cwd: projectFolder(t), project }, 'run', 'ordres');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /there is no pipeline "ordres"\nhint: Did you mean orders\? There is: github-issues, orders\./,
  );
});

test('a secret that was resolved is replaced in whatever is written', async (t) => {
  const secret = 'ghp_"quoted"secret';
  const project = runs(({ onEvent }) => {
    onEvent({ kind: 'warning', table: REF, code: 'source.http_status', message: `sent ${secret}` });
    const message = `refused ${secret} and ${encodeURIComponent(secret)}`;
    return report(tableReport({ state: 'failed', error: new HakiriError('source.auth', message) }));
  });
  const cwd = projectFolder(t);
  const env = { HAKIRI_DEBUG: '1' };
  const world = {
    cwd,
    env,
    project,
    onOpen: ({ scrubber }: { scrubber: { add(s: string): void } }) => scrubber.add(secret),
  };
  for (const argv of [['run'], ['run', '--json']]) {
    const { stdout, stderr } = await hakiri(world, ...argv);
    assert.match(stderr, /refused \*\*\* and \*\*\*/);
    for (const text of [stdout, stderr]) assert.doesNotMatch(text, /ghp_/);
  }
});
