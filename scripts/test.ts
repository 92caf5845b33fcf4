/**
 * `npm test` runs everything there is, long suites for as long as fits in their time; `npm run test:crash` and the
 * like run one long suite to its full count.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../test/support/random.ts';

interface Suite {
  readonly files: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Each starts the program some hundred times. */
const END_TO_END = 'packages/cli/test/e2e/*.test.ts';

const SUITES: Readonly<Record<string, Suite>> = {
  all: { files: '{packages/*/test,test,docs}/**/*.test.ts', env: {} },
  e2e: { files: END_TO_END, env: {} },
  crash: { files: 'packages/*/test/{crash/*,*-faults}.test.ts', env: { HAKIRI_CRASH_COUNT: '300' } },
  fuzz: { files: 'packages/*/test/**/*fuzz*.test.ts', env: { HAKIRI_FUZZ_COUNT: '10000' } },
  guide: { files: 'docs/*.test.ts', env: { HAKIRI_GUIDE: 'all' } },
  model: { files: 'packages/store/test/model/*.test.ts', env: { HAKIRI_MODEL_COUNT: '500' } },
  soak: { files: 'packages/cli/test/soak/*.test.ts', env: { HAKIRI_SOAK_MINUTES: '20' } },
  servers: { files: 'packages/*/test/servers/*.test.ts', env: { HAKIRI_SERVERS: '1' } },
};

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

/** The program as one file, once for all test files that start it. */
const programs = join(import.meta.dirname, '../node_modules/.cache/hakiri-test', String(process.pid));
for (const profile of ['core', 'full']) {
  const entry = join(import.meta.dirname, `../packages/cli/src/entry/${profile}.ts`);
  const outfile = join(programs, `${profile}.mjs`);
  mkdirSync(programs, { recursive: true });
  const bundle = [join(import.meta.dirname, 'bundle.ts'), '--entry', entry, '--outfile', outfile];
  const built = spawnSync(process.execPath, bundle, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (built.status !== 0) process.exit(built.status ?? 1);
}
const { status } = spawnSync(process.execPath, ['--test', '--test-concurrency=3', ...files], {
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
process.exit(status ?? 1);

/** Of the end-to-end files `npm test` takes a third, others each time. */
function withoutSome(all: readonly string[]): readonly string[] {
  if (name !== 'all') return all;
  const { next } = seededRandom(Number(seed));
  const endToEnd = globSync(END_TO_END)
    .sort()
    .map((file) => ({ file, place: next() }))
    .sort((a, b) => a.place - b.place);
  const left = new Set(endToEnd.slice(Math.ceil(endToEnd.length / 3)).map(({ file }) => file));
  const taken = endToEnd.length - left.size;
  process.stdout.write(`End to end: ${taken} of ${endToEnd.length} files; npm run test:e2e runs all\n`);
  return all.filter((file) => !left.has(file));
}
