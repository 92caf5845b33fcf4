import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifestFacts, policyOf, pseudonymsOf, SEES_ALL, seenTable } from '@hakiri/access';
import { type Answer, type CatalogTable, OWNER_GRANT, type Serve, type TableName } from '@hakiri/core';
import { hybridRows, type Question } from './hybrid-rows.ts';
import { median } from './measure.ts';
import { type Bar, ratioBar, type Scale } from './report.ts';
import { type SearchStore, searchStore } from './search-store.ts';

/** Over the same query as owner with exact vectors: what a policy itself adds. */
const MOST = 1.2;
const BEST = 10;
const ROUNDS = 3;
const FILTER = 'permille < 100';

/** The same hybrid query by those who see all rows and by those who see nine of ten, one column masked. */
export async function accessHybrid(scale: Scale): Promise<readonly Bar[]> {
  const data = hybridRows(scale === 'full' ? 100_000 : 10_000, 384, 60);
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  const store = await searchStore(join(root, '.hakiri'), data);
  try {
    const asked = {
      graph: store.serve,
      exact: store.serveUnder(exactly),
      policy: store.serveUnder(policed(store.table as TableName)),
    };
    const bars: Bar[] = [];
    for (const filter of [undefined, FILTER]) {
      const ms = await measure(store, asked, data.questions, filter);
      const what = `${data.rows} rows x ${data.dims}, filter ${filter ?? 'none'}`;
      const metric = `ms p50, hybrid top ten under a policy, ${what}, over the owner`;
      bars.push(ratioBar('access', `${metric} with exact vectors`, ms.policy, ms.exact, MOST));
      if (filter === undefined) {
        // A graph is faster than a scan, and is not asked for those who do not see all rows.
        bars.push(ratioBar('access', `${metric} with HNSW`, ms.policy, ms.graph, null));
      }
    }
    return bars;
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

const PSEUDONYMS = pseudonymsOf(Buffer.alloc(32, 7));

/** Sees everything, and is not given the graph. */
function exactly(table: CatalogTable) {
  return { ...seenTable(table, SEES_ALL, PSEUDONYMS), seesAllRows: false };
}

function policed(name: TableName) {
  const policies = [
    {
      table: name,
      rows: 'permille < 900',
      columns: [{ name: 'topic', action: 'mask' as const }],
      minGroup: undefined,
    },
  ];
  const facts = manifestFacts({ pipelines: [], transforms: [], policies })(name);
  return (table: CatalogTable) => {
    const policy = policyOf(facts, table.schema, OWNER_GRANT);
    return policy.kind === 'hidden' ? undefined : seenTable(table, policy, PSEUDONYMS);
  };
}

type Asked = Readonly<Record<'graph' | 'exact' | 'policy', Serve>>;

/** In turns, each a question at a time: what warms up or slows down the machine does so for all. */
async function measure(
  { table }: SearchStore,
  asked: Asked,
  questions: readonly Question[],
  filter: string | undefined,
): Promise<Readonly<Record<keyof Asked, number>>> {
  const times: Record<keyof Asked, number[]> = { graph: [], exact: [], policy: [] };
  const names = Object.keys(times) as (keyof Asked)[];
  for (const name of names) await ask(asked[name], table, questions[0]!, filter);
  for (let round = 0; round < ROUNDS; round++) {
    for (const question of questions) {
      for (const name of names) {
        const started = performance.now();
        await ask(asked[name], table, question, filter);
        times[name].push(performance.now() - started);
      }
    }
  }
  return { graph: median(times.graph), exact: median(times.exact), policy: median(times.policy) };
}

function ask(serve: Serve, table: string, { text }: Question, filter: string | undefined): Promise<Answer> {
  const search = { text, mode: 'hybrid', k: BEST } as const;
  return serve.query({ table, search, cite: true, ...(filter === undefined ? {} : { filter }) }, OWNER_GRANT);
}
