import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendJson, testServer } from '../../../ingest/test/support/test-server.ts';
import { type CliProject, cliProject } from '../support/cli-project.ts';
import { commandFolder, hasTools } from '../support/debian-tools.ts';

const WAIT_MS = 15_000;

interface Terminal {
  type(...keys: readonly string[]): void;
  /** What is on the screen once it matches. */
  until(pattern: RegExp): Promise<string>;
}

/** A real terminal of 100 columns with a shell in the project's folder. */
function terminal(t: TestContext, project: CliProject, shell: readonly string[]): Terminal {
  const name = `hakiri-${process.pid}-${Math.floor(performance.now())}`;
  const tmux = (...args: readonly string[]): string =>
    spawnSync('tmux', ['-L', name, '-f', '/dev/null', ...args], {
      cwd: project.folder,
      encoding: 'utf8',
      env: {
        PATH: `${commandFolder(t)}:${process.env.PATH}`,
        HOME: project.folder,
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
        PS1: '> ',
      },
    }).stdout;
  tmux('new-session', '-d', '-x', '100', '-y', '24', ...shell);
  t.after(() => tmux('kill-server'));
  return {
    type: (...keys) => {
      tmux('send-keys', ...keys);
    },
    async until(pattern) {
      const deadline = performance.now() + WAIT_MS;
      for (;;) {
        const screen = tmux('capture-pane', '-p');
        if (pattern.test(screen)) return screen;
        assert.ok(performance.now() < deadline, `${pattern} is not on the screen:\n${screen}`);
        await sleep(50);
      }
    },
  };
}

test('on a real terminal a run shows rate and remaining pages on one line, and then its summary', async (t) => {
  if (!hasTools(t, 'tmux')) return;
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  await using server = await testServer(async (request, response) => {
    const page = Number(new URL(request.url, 'http://x').searchParams.get('page') ?? 1);
    if (page === 6) await gate;
    await sleep(page < 6 ? 200 : 0);
    const items = Array.from({ length: 10 }, (_, i) => ({ id: page * 10 + i }));
    sendJson(response, { total: 100, items: page > 10 ? [] : items });
  });
  const project = cliProject(
    t,
    `[[pipeline]]
id = "slow"
allow_hosts = ["${new URL(server.origin).host}"]
source = { connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "rows", path = "/rows", primary_key = "id", records = "items", pagination = { type = "page", size_param = "per_page", size = 10, total = "total" } }] } }
`,
  );
  const screen = terminal(t, project, ['sh']);
  screen.type('hakiri run', 'Enter');
  const live = await screen.until(/http_rows {2}\d+ rows .*rows\/s .*[45] of 10 pages/);
  assert.equal(live.match(/http_rows/g)?.length, 1, live);
  open();
  const done = await screen.until(/http_rows +done +100 /);
  assert.doesNotMatch(done, /rows\/s/, 'what moved is gone');
  screen.type('hakiri query "select count(*) as n from http_rows"', 'Enter');
  await screen.until(/^ *n *\n-+\n *100/m);
});

test('zsh completes commands and pipelines', async (t) => {
  if (!hasTools(t, 'tmux', 'zsh')) return;
  const project = cliProject(
    t,
    `[[pipeline]]
id = "orders-daily"
source = { connector = "file", config = { path = "in/*.ndjson" } }
`,
  );
  const screen = terminal(t, project, ['zsh', '-f']);
  screen.type(
    "PS1='> '; autoload -U compinit && compinit -u -D && source <(hakiri completions zsh) && echo ready",
    'Enter',
  );
  await screen.until(/^ready/m);
  screen.type('clear', 'Enter');
  screen.type('hakiri compl', 'Tab');
  await screen.until(/hakiri completions/);
  screen.type('C-u');
  screen.type('hakiri run ord', 'Tab');
  await screen.until(/hakiri run orders-daily/);
});
