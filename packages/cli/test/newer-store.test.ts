import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { STORE_FORMAT } from '@hakiri/store';
import { emptyFolder, hakiri, projectFolder } from './support/harness.ts';

/** Every command, with the least that it can be called with. */
const COMMANDS: readonly (readonly string[])[] = [
  ['init'],
  ['init', '--recipe', 'github-issues', '--set', 'repo=a/b'],
  ['run'],
  ['plan'],
  ['query', 'select 1'],
  ['tables'],
  ['describe', 'things'],
  ['memory', 'write', 'a text'],
  ['memory', 'search'],
  ['memory', 'forget', '01ARZ3NDEKTSV4RRFFQ69G5FAV'],
  ['index', 'list'],
  ['index', 'rebuild'],
  ['mcp'],
  ['serve'],
  ['pipeline', 'list'],
  ['pipeline', 'describe', 'p'],
  ['policy', 'explain'],
  ['policy', 'test'],
  ['token', 'issue', '--agent', 'a', '--table', 'things'],
  ['token', 'verify', '--token-file', '-'],
  ['token', 'revoke', '--token-file', '-'],
  ['token', 'list'],
  ['key', 'export', '--to', 'key.file'],
  ['key', 'import', 'key.file'],
  ['key', 'rotate'],
  ['export', '--output', 'store.tar'],
  ['compact'],
  ['gc'],
  ['forget', '--subject', 'ada', '--yes'],
  ['audit', 'tail'],
  ['audit', 'who-read', '--table', 'things', '--key', '1'],
  ['audit', 'by-agent'],
  ['audit', 'verify'],
  ['audit', 'export', '--to', 'audit.tar'],
  ['doctor'],
  ['doctor', '--repair'],
  ['doctor', '--rebuild-catalog'],
];

/** These work on no project. */
const ELSEWHERE = ['schema', 'completions', 'pipeline convert', 'token attenuate', 'token inspect'];

test('every command that works on a project refuses a store of a newer Hakiri, and touches nothing', async (t) => {
  const folder = newerStore(t);
  const elsewhere = { cwd: projectFolder(t) };
  const { stdout: token } = await hakiri(elsewhere, 'token', 'issue', '--agent', 'a', '--table', 'things');
  const before = everything(folder);
  for (const argv of COMMANDS) {
    const { code, stdout, stderr } = await hakiri({ cwd: folder, stdin: token }, ...argv);
    const asked = argv.join(' ');
    assert.equal(code, 1, `${asked}: ${stdout}${stderr}`);
    assert.match(
      stderr,
      /^error\[store\.newer_format\]: .*demo has format 99; this Hakiri knows up to \d+$/m,
    );
    assert.match(stderr, /^hint: Update Hakiri, and start its daemon anew\. Nothing was changed;/m, asked);
    assert.equal(stdout, '', asked);
    assert.deepEqual(everything(folder), before, asked);
  }
});

test('nothing is begun beside a store of a newer Hakiri that has lost its manifest', async (t) => {
  const folder = newerStore(t, emptyFolder(t));
  const before = everything(folder);
  for (const argv of [['init'], ['run', 'github-issues']]) {
    const { code, stderr } = await hakiri({ cwd: folder }, ...argv);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error\[store\.newer_format\]/m);
    assert.deepEqual(everything(folder), before);
  }
});

test('a newer catalog is refused as well, whatever the config says', async (t) => {
  const folder = newerStore(t);
  const context = join(folder, '.hakiri/context/demo');
  writeFileSync(join(context, 'config.toml'), 'format = 1\n');
  const db = new DatabaseSync(join(context, 'meta.sqlite'));
  db.exec('PRAGMA user_version = 99');
  db.close();
  const { stderr } = await hakiri({ cwd: folder }, 'run', '--json');
  const { error } = JSON.parse(stderr) as { error: { code: string; details: object } };
  assert.equal(error.code, 'store.newer_format');
  assert.deepEqual(error.details, { format: 99, known: STORE_FORMAT });
});

test('no command is missing here', async (t) => {
  const cwd = projectFolder(t);
  const known = new Set([...COMMANDS.map(([first, second]) => `${first} ${second}`), ...ELSEWHERE]);
  const names = new Set([...COMMANDS.map(([first]) => first), ...ELSEWHERE]);
  for (const name of await commandsOf(cwd)) {
    const inner = await commandsOf(cwd, name);
    if (inner.length === 0) assert.ok(names.has(name), name);
    for (const below of inner) assert.ok(known.has(`${name} ${below}`), `${name} ${below}`);
  }
});

/** As its help lists them. */
async function commandsOf(cwd: string, ...prefix: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await hakiri({ cwd }, ...prefix, '--help');
  const list = /^COMMANDS\n((?: {2}\S.*\n?)+)/m.exec(stdout)?.[1] ?? '';
  return list.split('\n').flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? []);
}

function newerStore(t: TestContext, folder = projectFolder(t)): string {
  const files = {
    'context/demo/config.toml': 'format = 99\n',
    'context/demo/views/things.sql': 'CREATE VIEW things AS SELECT 1;\n',
    'cache/demo.lock': '',
    'keys/signing.key': `ed25519-private/${'1'.repeat(64)}\n`,
    'audit/01M819P0XW60XMYVZDFV6Y51XZ/head': '',
  };
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, '.hakiri', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
  }
  return folder;
}

/** Names, times and contents below a folder. */
function everything(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${path} ${statSync(path).mtimeMs} ${entry.isFile() ? readFileSync(path, 'utf8') : ''}`;
    })
    .sort();
}
