import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { type CliProject, cliProject, fileBelow, filesBelow } from '../support/cli-project.ts';
import { emptyFolder } from '../support/harness.ts';

const NOBODY = 65_534;
const MANIFEST = `[[pipeline]]
id = "files"
source = { connector = "file", config = { path = "in/*.ndjson" } }
tables = [{ source = "records", name = "things", primary_key = ["id"], incremental = "version" }]
`;
const SELECT = 'select id, version from things order by id';
const FIRST = [
  { id: 1, version: 1 },
  { id: 2, version: 1 },
];
const SECOND = [
  { id: 2, version: 2 },
  { id: 3, version: 2 },
];
const HELD = [
  { id: 1, version: 1 },
  { id: 2, version: 2 },
  { id: 3, version: 2 },
];

/** A project with two committed runs, copied for each test; and the catalog as it was after the first of them. */
let template = '';
let olderCatalog = '';
before(async (t) => {
  const suite = t as unknown as TestContext;
  const project = cliProject(suite, MANIFEST);
  project.write('in/1.ndjson', FIRST);
  await project.run();
  olderCatalog = join(emptyFolder(suite), 'meta.sqlite');
  copyFileSync(join(project.context, 'meta.sqlite'), olderCatalog);
  project.write('in/2.ndjson', SECOND);
  await project.run();
  template = project.folder;
});

function storeWithTwoRuns(t: TestContext, options: Parameters<typeof cliProject>[2] = {}): CliProject {
  const project = cliProject(t, MANIFEST, options);
  cpSync(template, project.folder, { recursive: true, preserveTimestamps: true });
  return project;
}

function loseCatalog({ context }: CliProject): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(context, `meta.sqlite${suffix}`), { force: true });
}

/** Checks of `doctor`, as words. */
const told = async (project: CliProject): Promise<string[]> =>
  (await project.complaints()).map(({ name, state, message }) => `${state} ${name}: ${message}`);

test('a committed run that the catalog does not know is taken in, with its cursor', async (t) => {
  const project = storeWithTwoRuns(t);
  loseCatalog(project);
  copyFileSync(olderCatalog, join(project.context, 'meta.sqlite'));
  const [complaint, ...others] = await told(project);
  assert.match(complaint ?? '', /^warning run: Run \w{26} is committed but not in the catalog$/);
  assert.equal(others.filter((text) => text.startsWith('failed')).length, 0);
  assert.deepEqual(await project.rows(SELECT), HELD, 'a query takes it in');
  // A copy may round a file's time: then its content is looked at, found the same, and the new time noted.
  const { tables } = await project.run();
  assert.equal(tables[0]?.rows, 0, 'the cursor came with it');
  assert.deepEqual(await told(project), []);
});

test('the next run takes it in as well', async (t) => {
  const project = storeWithTwoRuns(t);
  loseCatalog(project);
  copyFileSync(olderCatalog, join(project.context, 'meta.sqlite'));
  project.write('in/3.ndjson', [{ id: 1, version: 3 }]);
  const { tables } = await project.run();
  assert.equal(tables[0]?.rows, 1, 'only what is new is read');
  assert.deepEqual(await project.rows(SELECT), [{ id: 1, version: 3 }, ...HELD.slice(1)]);
});

describe('a lost catalog', () => {
  for (const [how, lose] of [
    ['missing', loseCatalog],
    [
      'not a database',
      ({ context }: CliProject) => writeFileSync(join(context, 'meta.sqlite'), 'x'.repeat(9000)),
    ],
    ['cut short', ({ context }: CliProject) => truncateSync(join(context, 'meta.sqlite'), 5000)],
  ] as const) {
    test(`that is ${how} is told, and made again from the manifests`, async (t) => {
      const project = storeWithTwoRuns(t);
      lose(project);
      for (const argv of [['run'], ['query', SELECT]]) {
        const { code, error } = await project.failing(...argv);
        assert.equal(error.code, 'store.catalog_lost', error.message);
        assert.match(error.hint, /doctor --rebuild-catalog/);
        assert.equal(code, 1);
      }
      assert.match((await told(project)).join(), /failed catalog/);
      const rebuilt = await project.hakiri('doctor', '--rebuild-catalog');
      assert.equal(rebuilt.code, 0, rebuilt.stderr);
      assert.deepEqual(await project.rows(SELECT), HELD);
      const { tables } = await project.run();
      assert.equal(tables[0]?.rows, 0, 'the cursor was in the manifests');
      assert.deepEqual(await told(project), []);
    });
  }
});

describe('doctor names', () => {
  const damages: readonly {
    readonly what: string;
    readonly damage: (project: CliProject) => void;
    readonly tells: RegExp;
    readonly code: number;
  }[] = [
    {
      what: 'a part in which a bit has flipped',
      damage: ({ context }) => {
        const path = partOf(context, 0);
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(path, bytes);
      },
      tells:
        /^failed part: tables\/things\/.*\/part-00000\.parquet is not what was written: its hash differs$/,
      code: 1,
    },
    {
      what: 'a part that is missing',
      damage: ({ context }) => rmSync(partOf(context, 0)),
      tells: /part-00000\.parquet is missing/,
      code: 1,
    },
    {
      what: 'a manifest that is damaged',
      damage: ({ context }) => truncateSync(join(dirname(partOf(context, 0)), '_manifest.json'), 100),
      tells: /failed manifest: .*_manifest\.json is not a manifest/,
      code: 1,
    },
    {
      what: 'a manifest that is missing',
      damage: ({ context }) => rmSync(join(dirname(partOf(context, 0)), '_manifest.json')),
      tells: /failed run: Run \w{26} is in the catalog, its manifest is missing/,
      code: 1,
    },
    {
      what: 'a schema that was changed',
      damage: ({ context }) => {
        const path = filesBelow(join(context, 'tables/things/schemas'))[0]!;
        writeFileSync(path, readFileSync(path, 'utf8').replace('"id"', '"ID"'));
      },
      tells: /failed schema: Schema [0-9a-f]{64} of things is missing or changed/,
      code: 1,
    },
    {
      what: 'what a run that died has left',
      damage: ({ context }) => {
        const folder = join(
          context,
          'tables/things/data/runs/01JABCDEFGHJKMNPQRSTVWXYZ0/01JABCDEFGHJKMNPQRSTVWXYZ1',
        );
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, 'part-00000.parquet'), 'half');
      },
      tells: /warning orphan: Run 01JABCDEFGHJKMNPQRSTVWXYZ0 was never committed/,
      code: 0,
    },
    {
      what: 'a view that is not that of the last commit',
      damage: ({ context }) => writeFileSync(join(context, 'views/things.sql'), '-- gone'),
      tells: /warning view: views\/things\.sql is not that of the last commit/,
      code: 0,
    },
  ];
  const partOf = (context: string, index: number): string =>
    filesBelow(context).filter((path) => path.endsWith('.parquet'))[index]!;

  for (const { what, damage, tells, code } of damages) {
    test(what, async (t) => {
      const project = storeWithTwoRuns(t);
      damage(project);
      const ended = await project.hakiri('doctor', '--json');
      assert.equal(ended.code, code, ended.stderr);
      const checks = JSON.parse(ended.stdout).checks as { state: string; name: string; message: string }[];
      const complaints = checks
        .filter(({ state }) => state !== 'ok')
        .map(({ state, name, message }) => `${state} ${name}: ${message}`);
      assert.ok(
        complaints.some((text) => tells.test(text)),
        complaints.join('\n'),
      );
      if (code !== 0) return;
      await project.run();
      assert.deepEqual(await told(project), [], 'the next run mends it');
      assert.deepEqual(await project.rows(SELECT), HELD);
    });
  }

  test('nothing in a store that is sound', async (t) => {
    assert.deepEqual(await told(storeWithTwoRuns(t)), []);
  });
});

test('after a damaged run was removed, a rebuilt catalog sets the cursor back and the next run fills the gap', async (t) => {
  const project = storeWithTwoRuns(t);
  const parts = filesBelow(project.context).filter((path) => path.endsWith('.parquet'));
  const second = parts.find((path) => path > parts[0]!)!;
  rmSync(dirname(dirname(second)), { recursive: true });
  assert.equal((await project.hakiri('doctor', '--rebuild-catalog')).code, 0);
  assert.deepEqual(await project.rows(SELECT), FIRST);
  await project.run();
  assert.deepEqual(await project.rows(SELECT), HELD);
});

test('a store of a newer format is refused by everything', async (t) => {
  const project = storeWithTwoRuns(t);
  const config = fileBelow(project.context, 'config.toml');
  writeFileSync(config, readFileSync(config, 'utf8').replace(/format = \d+/, 'format = 99'));
  for (const argv of [['run'], ['query', SELECT], ['tables'], ['doctor', '--rebuild-catalog']]) {
    const { stdout, stderr, code } = await project.hakiri(...argv);
    assert.equal(code, 1, `${argv}: ${stdout}${stderr}`);
    assert.match(`${stdout}${stderr}`, /store.newer_format/);
  }
});

/** Root is not held back by permissions: for root the program runs as somebody else. */
const AS_SOMEBODY = process.getuid?.() === 0 ? { uid: NOBODY } : {};

/** Lets everybody write below a folder, or nobody. */
function setWritable(folder: string, writable: boolean): void {
  const below = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const entry of below) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, writable ? 0o777 : 0o555);
    else chmodSync(path, writable ? 0o666 : 0o444);
  }
  chmodSync(folder, writable ? 0o777 : 0o555);
  chmodSync(dirname(folder), 0o755);
}

test('a folder that cannot be written to: told, nothing is read unrecorded, and all works once it can be', async (t) => {
  const project = storeWithTwoRuns(t, AS_SOMEBODY);
  // Whoever made the store has an id of its own there, which nobody else may read.
  rmSync(join(project.folder, '.local'), { recursive: true });
  project.write('in/3.ndjson', [{ id: 4, version: 4 }]);
  setWritable(project.folder, false);
  const failed = await project.failing('run');
  assert.equal(failed.error.code, 'store.read_only', failed.error.message);
  assert.equal(failed.code, 1);
  const unread = await project.failing('query', SELECT);
  assert.equal(unread.error.code, 'audit.unavailable', unread.error.message);
  assert.deepEqual(await told(project), []);
  setWritable(project.folder, true);
  assert.deepEqual(await project.rows(SELECT), HELD);
  await project.run();
  assert.deepEqual(await project.rows(SELECT), [...HELD, { id: 4, version: 4 }]);
});

test('a first run in a folder that cannot be written to leaves nothing', async (t) => {
  const project = cliProject(t, MANIFEST, AS_SOMEBODY);
  project.write('in/1.ndjson', FIRST);
  setWritable(project.folder, false);
  const { error } = await project.failing('run');
  assert.equal(error.code, 'store.read_only');
  setWritable(project.folder, true);
  assert.equal(existsSync(join(project.folder, '.hakiri')), false);
});
