import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { attenuateToken, issueToken, signingKeyOf } from '@hakiri/access/token';
import { type AuditEvent, type Grant, INCOGNITO_ZONES, NO_RESTRICTIONS, type Right } from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import type { Project } from '../src/services.ts';
import { answer, hakiri, projectFolder, table } from './support/harness.ts';

const KEY = signingKeyOf(randomBytes(32));
const MANIFEST = `[project]
name = "demo"
public_keys = ["${KEY.publicKey}"]
[[pipeline]]
id = "shop"
source = { connector = "file" }
`;
const token = (rights: readonly Right[], zone?: string): string =>
  issueToken({ agent: 'helper', rights, zone }, KEY).token;
const READS = token([{ table: '*', action: 'read' }]);

/** A project that remembers with which grants it was asked, and what was recorded. */
function asked(t: TestContext) {
  const grants: Grant[] = [];
  const events: AuditEvent[] = [];
  let runs = 0;
  const by =
    <T>(given: T) =>
    async (_: unknown, grant: Grant): Promise<T> => {
      grants.push(grant);
      return given;
    };
  const serve = {
    query: by(answer(['n BIGINT'], [[1]])),
    describe: by(table('things')),
    export: by({ rows: 1, files: 1, bytes: 1 }),
    tables: async (grant: Grant) => {
      grants.push(grant);
      return [table('things')];
    },
  };
  const project = {
    manifest: readManifest([{ file: 'hakiri.toml', text: MANIFEST }]),
    serve: async () => serve,
    run: async () => {
      runs++;
      return { job: '', tables: [], elapsedMs: 1 };
    },
    audit: {
      log: {
        record: async (event: AuditEvent) => {
          events.push(event);
        },
        close: async () => {},
      },
    },
  } as unknown as Partial<Project>;
  const cwd = projectFolder(t);
  const ask = (env: Record<string, string>, ...argv: readonly string[]) =>
    hakiri({ cwd, project, env }, ...argv);
  return { cwd, ask, grants, events, runs: () => runs };
}

const READING: readonly (readonly string[])[] = [
  ['query', 'select 1'],
  ['tables'],
  ['describe', 'things'],
  ['export', '--query', 'select 1', '--format', 'csv', '--output', 'out.csv', '--force'],
];

test('whoever reads has what HAKIRI_TOKEN gives, else what the owner has, and passes policies by when told to', async (t) => {
  const { ask, grants, cwd } = asked(t);
  mkdirSync(join(cwd, '.hakiri/cache'), { recursive: true });
  for (const argv of READING) {
    const subjects: (readonly [string, boolean, string | undefined])[] = [];
    for (const [env, more] of [
      [{ HAKIRI_TOKEN: READS }, []],
      [{}, []],
      [{}, ['--as-owner']],
    ] as const) {
      grants.length = 0;
      writeFileSync(join(cwd, 'out.csv'), '');
      await ask({ ...env }, ...argv, ...more);
      const [grant] = grants;
      subjects.push([grant?.subject ?? '', grant?.asOwner ?? false, grant?.via]);
    }
    const expected = [
      ['helper', false, 'cli'],
      ['owner', false, 'cli'],
      ['owner', true, 'cli'],
    ];
    assert.deepEqual(subjects, expected, argv.join(' '));
  }
});

test('who comes with a token does not pass policies by, and does nothing that is the owner’s', async (t) => {
  const { ask, grants } = asked(t);
  const env = { HAKIRI_TOKEN: token([{ table: '*', action: 'read' }], 'local:device') };
  for (const argv of READING) {
    const { code, stderr } = await ask(env, ...argv, '--as-owner');
    assert.deepEqual([code, /usage\.argument/.test(stderr)], [2, true], stderr);
  }
  for (const argv of [
    ['forget', '--table', 'things', '--key', '1', '--yes'],
    ['compact'],
    ['gc'],
    ['index', 'rebuild'],
    ['audit', 'tail'],
    ['audit', 'who-read', '--table', 'things', '--key', '1'],
    ['audit', 'by-agent'],
    ['audit', 'export', '--to', 'audit.jsonl'],
  ]) {
    const { code, stderr } = await ask(env, ...argv);
    assert.deepEqual(
      [code, /error\[access\.denied\]/.test(stderr)],
      [3, true],
      `${argv.join(' ')}: ${stderr}`,
    );
  }
  assert.deepEqual(grants, []);
});

test('a token that is refused asks for nothing, and is on record', async (t) => {
  const { ask, grants, events } = asked(t);
  const foreign = issueToken(
    { agent: 'x', rights: [{ table: 'things', action: 'read' }] },
    signingKeyOf(randomBytes(32)),
  ).token;
  const { code, stderr } = await ask({ HAKIRI_TOKEN: foreign }, 'query', 'select 1');
  assert.equal(code, 3);
  assert.match(stderr, /error\[token\.invalid\]/);
  assert.deepEqual(grants, []);
  assert.deepEqual(
    events.map(({ action, outcome, grant }) => [action, outcome, grant]),
    [['token_refused', 'refused', undefined]],
  );
});

test('a pipeline is run by whoever has the right to, from where the token allows, and that is on record', async (t) => {
  const { ask, events, runs } = asked(t);
  const mayRun = token([{ table: 'shop', action: 'run' }], 'public-cloud:x');
  const pinned = attenuateToken(mayRun, [{ ...NO_RESTRICTIONS, zones: INCOGNITO_ZONES }]).token;
  for (const [held, outcome] of [
    [mayRun, ['granted', undefined]],
    [READS, ['refused', 'access.denied']],
    [pinned, ['refused', 'access.zone_refused']],
  ] as const) {
    events.length = 0;
    await ask({ HAKIRI_TOKEN: held }, 'run');
    assert.deepEqual(
      events.map((event) => [event.action, event.target, event.outcome, event.code]),
      [['pipeline_run', 'shop', ...outcome]],
    );
  }
  await ask({}, 'run');
  assert.equal(runs(), 2);
});
