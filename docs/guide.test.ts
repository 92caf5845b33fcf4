import assert from 'node:assert/strict';
import { cpSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ERROR_CATALOGUE, type ErrorCode } from '@hakiri/core';
import { startShop } from '../examples/http-api/server.ts';
import { MANIFEST_SECTIONS } from '../scripts/generate/manifest-keys.ts';
import { generatedFiles } from '../scripts/generate.ts';
import { type Random, seededRandom, TEST_SEED } from '../test/support/random.ts';
import { checkFragment, checkManifest } from './support/check-fragment.ts';
import { matchesOutput } from './support/match-output.ts';
import { parsePage, type Step } from './support/parse-page.ts';
import { makePlace, type Place, type Ran, runPage } from './support/run-page.ts';

/**
 * The guide is true: every page is carried out as a reader would, in an empty folder of its own, against the shop of
 * `examples/http-api`. `hakiri` is the program as one file, which starts in half the time. duckdb and sqlite3 are no npm packages, so that small
 * stand-ins (`support/duckdb.ts`, `support/sqlite3.ts`) run their statements with the same engines.
 */
const root = join(import.meta.dirname, '..');
/** How the pages write the port of the shop and the reader's folder. */
const SHOP = '127.0.0.1:8080';
const FOLDER = '/home/ada/demo';
const SAMPLE = 2;

const pages = [
  'README.md',
  ...globSync('docs/**/*.md', { cwd: root }),
  ...globSync('examples/**/*.md', { cwd: root }),
].sort();

/** As many as take some seconds, others each time; `npm run test:guide` carries out all of them. */
const carriedOut =
  process.env.HAKIRI_GUIDE === 'all' ? pages : someOf(pages, seededRandom(TEST_SEED), SAMPLE);

/** In their order. */
function someOf(all: readonly string[], random: Random, count: number): readonly string[] {
  const drawn = all.map((page) => ({ page, place: random.next() })).sort((a, b) => a.place - b.place);
  const taken = new Set(drawn.slice(0, count).map(({ page }) => page));
  return all.filter((page) => taken.has(page));
}

test('every fragment of a manifest on the pages is one', () => {
  for (const page of pages) for (const step of parsePage(join(root, page))) checkText(page, step);
});

describe(`the guide, ${carriedOut.length} of ${pages.length} pages (HAKIRI_SEED=${TEST_SEED})`, {
  concurrency: 3,
}, () => {
  for (const page of carriedOut) {
    test(`${page} is true`, async () => {
      const ran = await carryOut(parsePage(join(root, page)));
      for (const [i, one] of ran.entries()) checkRan(page, one, ran[i + 1]);
    });
  }
});

describe('the examples', { concurrency: 3 }, () => {
  test('files: what a transform filters and a join counts', async () => {
    const output = await example('files', [
      'hakiri run',
      'hakiri query --format csv "select c.name, count(*) as visits from visits v join countries c on c.code = v.country group by all order by all"',
    ]);
    assert.equal(output.at(-1)?.split('rows')[0], 'name,visits\r\nJapan,1\r\nKenya,2\r\nNorway,1\r\n3 ');
  });

  test('http-api: pages by number and by cursor, and a list for each order', async () => {
    const output = await example('http-api', [
      'export SHOP_TOKEN=demo-token',
      'hakiri run',
      `hakiri query --format csv "select (select count(*) from orders) as orders, (select count(*) from items) as items, (select count(*) from customers) as customers"`,
    ]);
    assert.match(output.at(-1) ?? '', /^orders,items,customers\r\n25,62,7\r\n/);
  });

  test('github-live: a manifest that this build takes', () => {
    checkManifest(readFileSync(join(root, 'examples/github-live/hakiri.toml'), 'utf8'));
  });
});

test('what is generated is as it would be generated now', async () => {
  for (const { path, content } of await generatedFiles()) {
    assert.equal(readFileSync(join(root, path), 'utf8'), content, `${path} is stale: npm run generate`);
  }
});

test('the examples of the keys are a manifest', () => {
  for (const { title, above, examples, alternatives = [] } of MANIFEST_SECTIONS) {
    const stated = (without: readonly string[]) =>
      Object.entries(examples).flatMap(([key, line]) =>
        line.startsWith('[') || without.includes(key) ? [] : `${line}\n`,
      );
    for (const side of [0, 1] as const) {
      const text = above + stated(alternatives.map((keys) => keys[side])).join('');
      assert.doesNotThrow(() => checkManifest(text), title);
    }
  }
});

test('links between the pages lead somewhere', () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(page, '..', path);
      const found = globSync(file.replace(/\/$/, ''), { cwd: root });
      assert.notDeepEqual(found, [], `${page} links to ${target}`);
      if (anchor === undefined || !file.endsWith('.md')) continue;
      assert.ok(
        anchors(file).includes(anchor),
        `${page} links to ${target}; there are: ${anchors(file).join(' ')}`,
      );
    }
  }
});

test('the README names scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const named = [
    ...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/npm (?:run )?(quickstart|test|[a-z:]+)\b/g),
  ];
  assert.ok(named.length >= 2);
  for (const [, name = ''] of named) assert.ok(name in scripts, `npm run ${name}`);
});

async function carryOut(
  steps: readonly Step[],
  prepare: (place: Place) => void = () => {},
): Promise<readonly Ran[]> {
  if (!steps.some(({ kind }) => kind === 'command')) return [];
  const place = makePlace();
  const shop = await startShop(0);
  try {
    prepare(place);
    return await runPage(steps, place, [
      [SHOP, `127.0.0.1:${shop.port}`],
      [FOLDER, place.folder],
    ]);
  } finally {
    await shop.close();
    place.remove();
  }
}

/** Runs commands in a copy of an example; what each printed. */
async function example(name: string, commands: readonly string[]): Promise<readonly string[]> {
  const manifest = readFileSync(join(root, 'examples', name, 'hakiri.toml'), 'utf8');
  const steps: readonly Step[] = [
    { kind: 'file', path: 'hakiri.toml', content: manifest, line: 1 },
    ...commands.map((text): Step => ({ kind: 'command', text, expected: '', line: 1 })),
  ];
  const ran = await carryOut(steps, ({ folder }) =>
    cpSync(join(root, 'examples', name), folder, { recursive: true }),
  );
  for (const { command, exitCode, output } of ran) assert.equal(exitCode, 0, `${command.text}\n${output}`);
  return ran.map(({ output }) => output);
}

function checkText(page: string, step: Step): void {
  if (step.kind !== 'fragment') return;
  try {
    if (step.language === 'toml') checkFragment(step.text);
    else JSON.parse(step.text);
  } catch (error) {
    throw new Error(`${page}:${step.line}: ${(error as Error).message}`);
  }
}

/** The output is what the page shows, and the exit code that of the error it shows, if any. */
function checkRan(page: string, { command, output, exitCode }: Ran, next: Ran | undefined): void {
  const where = `${page}:${command.line}: ${command.text}`;
  assert.ok(
    matchesOutput(command.expected, output),
    `${where}\n--- the page shows\n${command.expected}\n--- printed was\n${output}`,
  );
  const code = /^(?:error\[|\{"error":\{"code":")([\w.]+)/m.exec(command.expected)?.[1];
  if (code !== undefined) {
    assert.ok(code in ERROR_CATALOGUE, `${where}: ${code}`);
    assert.equal(exitCode, ERROR_CATALOGUE[code as ErrorCode].exit, where);
  } else if (next?.command.text !== 'echo $?') {
    assert.equal(exitCode, 0, `${where}\n${output}`);
  }
}

/** As GitHub makes them of headings. */
function anchors(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}
