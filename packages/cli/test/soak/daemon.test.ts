import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DaemonProcess,
  type McpProcess,
  servedProject,
  startDaemon,
  startMcp,
} from '../support/daemon.ts';
import { assertFlat, thinned, treeMb } from '../support/flat.ts';
import { tickingPipeline, tickingServer } from '../support/ticking-server.ts';

const MINUTES = Number(process.env.HAKIRI_SOAK_MINUTES ?? 1 / 10);
const SAMPLE_MS = 1000;
const ASK_MS = 25;

const SCHEDULES = {
  a: { text: 'every 2s', everyMs: 2000 },
  b: { text: 'every 3s', everyMs: 3000 },
  c: { text: '*/5 * * * * *', everyMs: 5000 },
} as const;
const LISTS = ['a', 'b', 'c'] as const;

const INDEX = `  [pipeline.tables.indexes.words]
  kind = "fts"
  columns = ["text"]
  analyzer = "english"
`;

test('a daemon runs its schedules while it is asked: none missed, none twice at once, memory flat', {
  timeout: MINUTES * 60_000 + 120_000,
}, async (t) => {
  await using server = await tickingServer(50);
  const project = servedProject(
    t,
    LISTS.map((list) =>
      tickingPipeline(server, list, `schedule = "${SCHEDULES[list].text}"`)
        .replace(`tables = [{ source = "${list}", name = "${list}" }]\n`, '')
        .concat(`  [[pipeline.tables]]\n  source = "${list}"\n  name = "${list}"\n${INDEX}`),
    ).join('\n'),
  );
  const daemon = await startDaemon(t, { folder: project.folder });
  const startedMs = Date.now();
  for (const list of LISTS) {
    await daemon.logged(({ msg, pipeline }) => msg === 'run ended' && pipeline === list, 60_000);
  }

  const stop = new AbortController();
  const clients = await Promise.all([0, 1].map(() => startMcp(t, { folder: project.folder })));
  const load = clients.map((client, i) => askOn(client, i, stop.signal));
  const samples: { readonly second: number; readonly mb: number }[] = [];
  while (Date.now() - startedMs < MINUTES * 60_000) {
    await sleep(SAMPLE_MS);
    samples.push({ second: Math.round((Date.now() - startedMs) / 1000), mb: treeMb(daemon.pid) });
  }
  stop.abort();
  const answers = await Promise.all(load);
  for (const client of clients) await client.end();
  const endedMs = Date.now();
  assert.equal(await daemon.stop(), 0);

  t.diagnostic(`${answers.reduce((sum, count) => sum + count, 0)} questions answered in ${MINUTES} minutes`);
  for (const { second, mb } of thinned(samples)) t.diagnostic(`${second} s: ${mb.toFixed(0)} MB`);
  for (const list of LISTS) {
    const { runs, longestMs } = runsOf(daemon, list);
    assert.equal(server.mostAtOnce(list), 1, `${list} ran twice at once`);
    // A run that takes longer than a turn is followed by the one it held up.
    const starts = [...server.asked(list), endedMs];
    const gaps = starts.slice(1).map((start, i) => start - starts[i]!);
    const longest = Math.max(...gaps);
    const { everyMs } = SCHEDULES[list];
    t.diagnostic(
      `${list} (${SCHEDULES[list].text}): ${runs} runs, at most ${longest} ms apart, longest ${longestMs} ms`,
    );
    assert.ok(longest <= 2 * everyMs + longestMs + 1000, `${list} did not start for ${longest} ms`);
    // The last run may have been stopped before its commit.
    const [row] = await project.rows(`select max(version) as newest, count(*) as n from ${list}`);
    assert.ok(
      Number(row?.newest) >= server.rows(list) - 1,
      `${list}: ${row?.newest} of ${server.rows(list)}`,
    );
    assert.equal(Number(row?.n), Math.min(50, Number(row?.newest)));
  }
  const failures = daemon.log().filter(({ level }) => level === 'error');
  assert.deepEqual(failures, []);
  // One that has just started has not met its largest garbage yet.
  if (MINUTES >= 5) {
    assertFlat(
      'MB of memory',
      samples.map(({ mb }) => mb),
      { share: 0.1, least: 30 },
    );
  }
  assert.deepEqual(await project.complaints(), []);
});

/** Asks without end; how many answers there were. Every one has to be an answer. */
async function askOn(client: McpProcess, seed: number, stop: AbortSignal): Promise<number> {
  let answered = 0;
  for (let i = seed; !stop.aborted; i++, answered++) {
    const table = LISTS[i % LISTS.length];
    const { isError, structuredContent } =
      i % 3 === 0
        ? await client.tool('context_query', { sql: `select count(*), max(version) from ${table}` })
        : i % 3 === 1
          ? await client.tool('context_get', { table, keys: [[1]] })
          : await client.tool('context_query', { table, select: ['text'], search: { text: 'row', k: 5 } });
    assert.notEqual(isError, true, JSON.stringify(structuredContent));
    await sleep(ASK_MS);
  }
  return answered;
}

function runsOf(daemon: DaemonProcess, list: string): { readonly runs: number; readonly longestMs: number } {
  const ended = daemon.log().filter(({ msg, pipeline }) => msg === 'run ended' && pipeline === list);
  return { runs: ended.length, longestMs: Math.max(...ended.map(({ ms }) => Number(ms))) };
}
