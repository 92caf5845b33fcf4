import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Batch, HakiriError, type JobId, type Manifest, type Source } from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import { createFileSource } from '../../src/file/file-source.ts';
import { type RunEvent, type RunReport, runPipelines } from '../../src/index.ts';
import { testClock, testContext } from '../support/test-context.ts';
import { spoolFiles, type TestDestination, testDestination } from '../support/test-destination.ts';

interface Ran {
  readonly report: RunReport;
  readonly warnings: readonly string[];
}

async function run(
  manifest: Manifest,
  source: Source,
  destination: TestDestination,
  stop = new AbortController().signal,
): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), 'hakiri-spool-'));
  const events: RunEvent[] = [];
  try {
    const report = await runPipelines({
      job: 'job' as JobId,
      manifest,
      pipelines: manifest.pipelines,
      destination,
      jobs: { startJob: async () => {}, endJob: async () => {} },
      files: spoolFiles,
      clock: testClock(),
      spoolFolder: join(folder, 'spool'),
      parallel: 1,
      createSource: () => source,
      lineage: () => ({
        connector: 'file',
        connectorVersion: '1',
        author: 'x',
        componentHash: null,
        manifestHash: 'x',
      }),
      stop,
      kill: new AbortController().signal,
      onEvent: (event) => events.push(event),
    });
    const warnings = events.flatMap((event) =>
      event.kind === 'warning' ? [`${event.code}: ${event.message}`] : [],
    );
    return { report, warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function manifestOf(table: string, transforms = ''): Manifest {
  const text = `[project]
name = "demo"
[[pipeline]]
id = "p"
source = { connector = "file" }
tables = [{ source = "rows", name = "t", ${table} }]
${transforms}`;
  return readManifest([{ file: 'hakiri.toml', text }]);
}

/** A source that gives these batches, and says where it was asked to start. */
function sourceOf(batches: () => Iterable<Omit<Batch, 'kind'> & { readonly text?: string }>) {
  const asked: (string | undefined)[] = [];
  const source: Source = {
    discover: async () => [
      { name: 'rows', primaryKey: [], incremental: 'at', cursorKind: 'monotonic', readingOrder: 'ascending' },
    ],
    schema: async () => undefined,
    async *pull({ cursor }) {
      asked.push(cursor);
      for (const { text = '', ...batch } of batches())
        yield { ...batch, kind: 'records', records: Buffer.from(text) } as Batch;
    },
    commitCursor: async () => {},
    estimate: async () => ({}),
    close: async () => {},
  };
  return { source, asked };
}

const REPLACE = 'mode = "replace", primary_key = ["id"]';

describe('a table with mode = "replace"', () => {
  it('is pulled from the start each time, and told when the pull was whole', async () => {
    const destination = testDestination();
    const { source, asked } = sourceOf(() => [
      { text: '{"id":1,"at":1}\n', cursor: 'c1' },
      { text: '{"id":2,"at":2}\n', cursor: 'c2', complete: true },
    ]);
    const manifest = manifestOf(`${REPLACE}, commit_every = "1 rows"`);
    for (let round = 0; round < 2; round++) {
      const { report, warnings } = await run(manifest, source, destination);
      assert.equal(report.tables[0]?.state, 'done');
      assert.deepEqual(warnings, []);
    }
    assert.deepEqual(asked, [undefined, undefined]);
    // Several commits are one pull: only the last one says that it is over.
    assert.deepEqual(
      destination.commits.map(({ rows, whole }) => [rows.length, whole]),
      [
        [1, false],
        [1, false],
        [0, true],
        [1, false],
        [1, false],
        [0, true],
      ],
    );
    assert.equal(destination.targets[0]?.mode, 'replace');
    assert.equal(destination.targets[0]?.incremental, undefined);
  });

  it('loses nothing when the source left something out, a record was set aside, or the run ended early', async () => {
    const row = { text: '{"id":1}\n', cursor: 'c' };
    const cases: readonly (readonly [
      string,
      Iterable<Omit<Batch, 'kind'> & { text?: string }>,
      RegExp | undefined,
    ])[] = [
      ['left out', [row], /source\.not_whole: the source left something out/],
      ['complete in the middle', [{ ...row, complete: true }, row], /left something out/],
      ['no key', [{ text: '{"id":null}\n', cursor: 'c', complete: true }], /1 record was set aside/],
      ['not JSON', [{ text: '{"id":1}\n{"id"\n', cursor: 'c', complete: true }], /1 record was set aside/],
      ['the engine', [{ text: '{"id":666}\n', cursor: 'c', complete: true }], /1 record was set aside/],
    ];
    for (const [name, batches, warning] of cases) {
      const destination = testDestination((rows) => rows.filter(({ id }) => id === 666).length);
      const ran = await run(manifestOf(REPLACE), sourceOf(() => batches).source, destination);
      assert.deepEqual(
        destination.commits.map(({ whole }) => whole),
        [false],
        name,
      );
      if (warning) assert.match(ran.warnings.join(), warning);
      assert.equal(ran.report.tables[0]?.state, 'done', name);
    }

    const failing = sourceOf(function* () {
      yield row;
      throw new HakiriError('source.network', 'gone');
    });
    const destination = testDestination();
    const failed = await run(manifestOf(REPLACE), failing.source, destination);
    assert.equal(failed.report.tables[0]?.state, 'partial_failure');
    assert.deepEqual(
      destination.commits.map(({ whole }) => whole),
      [false],
    );

    const stop = new AbortController();
    const stopped = sourceOf(function* () {
      stop.abort();
      yield { ...row, complete: true };
    });
    const kept = testDestination();
    const { report, warnings } = await run(manifestOf(REPLACE), stopped.source, kept, stop.signal);
    assert.equal(report.tables[0]?.state, 'interrupted');
    assert.deepEqual([kept.commits.map(({ whole }) => whole), warnings], [[false], []]);
  });

  it('takes all files again, though only one of them has changed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hakiri-file-'));
    try {
      await writeFile(join(folder, 'a.ndjson'), '{"id":1}\n{"id":2}\n');
      await writeFile(join(folder, 'b.ndjson'), '{"id":3}\n');
      const settings = {
        source: 'rows',
        incremental: undefined,
        mode: 'replace',
        maxRecordBytes: 1e6,
      } as const;
      const context = testContext({ projectFolder: folder, tables: [settings] });
      const destination = testDestination();
      const pull = () =>
        run(manifestOf(REPLACE), createFileSource({ path: '*.ndjson' }, context), destination);
      await pull();
      await writeFile(join(folder, 'b.ndjson'), '{"id":4}\n');
      await pull();
      await rm(join(folder, 'b.ndjson'));
      await pull();
      assert.deepEqual(
        destination.commits.map(({ rows, whole }) => [rows.map(({ id }) => id), whole]),
        [
          [[1, 2, 3], true],
          [[1, 2, 4], true],
          [[1, 2], true],
        ],
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('needs a key, and is fed by one pipeline alone', async () => {
    const { source } = sourceOf(() => []);
    await assert.rejects(run(manifestOf('mode = "replace"'), source, testDestination()), {
      code: 'manifest.wrong_type',
      hint: /primary_key/,
    });
    const [one] = manifestOf(REPLACE).pipelines;
    assert.ok(one);
    const two = { ...manifestOf(REPLACE), pipelines: [one, { ...one, id: 'q' as typeof one.id }] };
    await assert.rejects(run(two, source, testDestination()), {
      code: 'manifest.table_conflict',
      message: /each would delete the other's rows/,
    });
  });
});

describe('records that delete', () => {
  it('reach a table with a key as they are, and no other', async () => {
    const text = '{"id":1}\n{"id":2,"_hakiri_deleted":true}\n';
    for (const [table, expected] of [
      ['primary_key = ["id"]', { rows: 2, deletes: true, aside: [] }],
      [REPLACE, { rows: 2, deletes: true, aside: [] }],
      ['mode = "append"', { rows: 1, deletes: false, aside: ['record.delete_without_key'] }],
    ] as const) {
      const destination = testDestination();
      await run(
        manifestOf(table),
        sourceOf(() => [{ text, cursor: 'c', complete: true }]).source,
        destination,
      );
      const commit = destination.commits[0];
      assert.deepEqual(
        {
          rows: commit?.rows.length,
          deletes: commit?.deletes,
          aside: commit?.setAside.map(({ code }) => code),
        },
        expected,
        table,
      );
    }
  });

  it('cost nothing before the first one', async () => {
    const destination = testDestination();
    const { source } = sourceOf(() => [
      { text: '{"id":1}\n', cursor: 'a' },
      { text: '{"id":1,"_hakiri_deleted":true}\n', cursor: 'b' },
    ]);
    await run(manifestOf('primary_key = ["id"], commit_every = "1 rows"'), source, destination);
    assert.deepEqual(
      destination.commits.slice(0, 2).map(({ deletes }) => deletes),
      [false, true],
    );
  });
});

it('a table is opened with what its manifest says of it', async () => {
  const destination = testDestination();
  await run(
    manifestOf('primary_key = ["id"], subject_columns = ["user.login"]'),
    sourceOf(() => []).source,
    destination,
  );
  const [target] = destination.targets;
  assert.deepEqual(
    [target?.subjectColumns, target?.incremental, target?.mode],
    [['user.login'], 'at', 'merge'],
  );
  // The pattern leaves its column to the source, which has one.
  await run(
    manifestOf('primary_key = ["id"], access_pattern = "recent_30d"'),
    sourceOf(() => []).source,
    destination,
  );
});
