/**
 * `npm test` runs everything there is, long suites for as long as fits in their time; `npm run test:crash` and the
 * like run one long suite to its full count.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildOffline } from '../release/offline/build-offline.ts';
import { seededRandom } from '../test/support/random.ts';

interface Suite {
  readonly files: string;
  readonly env: Readonly<Record<string, string>>;
  /** Run where there is no network but the loopback; who tries to reach elsewhere fails the suite. */
  readonly isOffline?: true;
}

/** Each starts the program some hundred times. */
const END_TO_END = 'packages/cli/test/{e2e,daemon}/*.test.ts';

const SUITES: Readonly<Record<string, Suite>> = {
  all: { files: '{packages/*/test,test,docs}/**/*.test.ts', env: {} },
  e2e: { files: END_TO_END, env: {} },
  crash: { files: 'packages/*/test/{crash/*,*-faults}.test.ts', env: { HAKIRI_CRASH_COUNT: '300' } },
  fuzz: { files: 'packages/*/test/**/*fuzz*.test.ts', env: { HAKIRI_FUZZ_COUNT: '10000' } },
  release: {
    files: END_TO_END,
    env: { HAKIRI_TEST_RELEASE: join(import.meta.dirname, '../dist/release') },
    isOffline: true,
  },
  guide: { files: 'docs/*.test.ts', env: { HAKIRI_GUIDE: 'all' } },
  model: { files: 'packages/store/test/model/*.test.ts', env: { HAKIRI_MODEL_COUNT: '500' } },
  soak: { files: 'packages/cli/test/soak/*.test.ts', env: { HAKIRI_SOAK_MINUTES: '20' } },
  servers: { files: 'packages/*/test/servers/*.test.ts', env: { HAKIRI_SERVERS: '1' } },
};

/** How the watcher ends where it cannot watch. */
const CANNOT_WATCH = 91;

const name = process.argv[2] ?? 'all';
const suite = SUITES[name];
if (suite === undefined) {
  process.stderr.write(`${`There is no suite "${name}"; there are: ${Object.keys(SUITES).join(', ')}`}\n`);
  process.exit(2);
}
const seed = process.env.HAKIRI_SEED ?? String(Math.floor(Math.random() * 0x7fffffff));
process.stdout.write(`HAKIRI_SEED=${seed}\n`);
const only = (path: string): boolean => name === 'servers' || !path.includes('/servers/');
const files = withoutSome(globSync(suite.files).filter(only).sort());
process.stdout.write(`${files.length} test files\n`);

/** The program as one file, once for all test files that start it. */
const programs = join(import.meta.dirname, '../node_modules/.cache/hakiri-test', String(process.pid));
mkdirSync(programs, { recursive: true });
for (const profile of name === 'release' ? [] : ['core', 'full']) {
  const entry = join(import.meta.dirname, `../packages/cli/src/entry/${profile}.ts`);
  const outfile = join(programs, `${profile}.mjs`);
  const bundle = [join(import.meta.dirname, 'bundle.ts'), '--entry', entry, '--outfile', outfile];
  const built = spawnSync(process.execPath, bundle, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (built.status !== 0) process.exit(built.status ?? 1);
}
const watcher = suite.isOffline === true ? offlineWatcher() : [];
const [command = '', ...words] = [...watcher, process.execPath, '--test', '--test-concurrency=3', ...files];
const { status } = spawnSync(command, words, {
  stdio: 'inherit',
  env: {
    ...suite.env,
    ...process.env,
    HAKIRI_SEED: seed,
    HAKIRI_TEST_PROGRAMS: programs,
    NODE_COMPILE_CACHE: join(programs, 'compiled'),
  },
});
rmSync(programs, { recursive: true, force: true });
if (watcher.length > 0 && status === CANNOT_WATCH) {
  process.stderr.write(
    '\n*** NOT TESTED: a network namespace or what watches system calls cannot be had here.\n' +
      '*** HAKIRI_OFFLINE=unproven runs the tests with the network there is; then nothing is shown about it.\n\n',
  );
}
process.exit(status ?? 1);

/** The command that runs another one offline, unless that is not to be. */
function offlineWatcher(): readonly string[] {
  if (process.env.HAKIRI_OFFLINE === 'unproven') {
    process.stderr.write(
      '\n*** NOT TESTED: whether anything reaches elsewhere (HAKIRI_OFFLINE=unproven)\n\n',
    );
    return [];
  }
  const program = join(programs, 'offline');
  buildOffline(program);
  return [program];
}

/** Of the end-to-end files `npm test` takes a fifth, others each time. */
function withoutSome(all: readonly string[]): readonly string[] {
  if (name !== 'all') return all;
  const { next } = seededRandom(Number(seed));
  const endToEnd = globSync(END_TO_END)
    .sort()
    .map((file) => ({ file, place: next() }))
    .sort((a, b) => a.place - b.place);
  const left = new Set(endToEnd.slice(Math.ceil(endToEnd.length / 5)).map(({ file }) => file));
  const taken = endToEnd.length - left.size;
  process.stdout.write(`End to end: ${taken} of ${endToEnd.length} files; npm run test:e2e runs all\n`);
  return all.filter((file) => !left.has(file));
}
