import type { TestContext } from 'node:test';
import { BUILT_IN_DIMS, BUILT_IN_MODEL, type IndexSpec } from '@hakiri/core';
import { columns, world } from '../serve/support/world.ts';

/** Numbers of texts, best first. */
export type Searcher = (query: string) => Promise<readonly number[]>;

const TABLE = 'sections';
const INDEXES: readonly IndexSpec[] = [
  { kind: 'fts', name: 'words', columns: ['text'], analyzer: 'english' },
  {
    kind: 'vector',
    name: 'likeness',
    columns: ['text'],
    model: BUILT_IN_MODEL,
    dims: BUILT_IN_DIMS,
    metric: 'cosine',
    scan: 'int8',
  },
];

/** The three ways to search, over a store that holds all texts: committed, indexed and asked as anybody would. */
export async function searchersOver(
  t: TestContext,
  texts: readonly string[],
): Promise<Readonly<Record<'keyword' | 'vector' | 'hybrid', Searcher>>> {
  const schema = columns({ id: 'int32', text: 'string' });
  const { run, ask } = await world(t, { [TABLE]: schema }, { specs: { [TABLE]: INDEXES } });
  await run(
    TABLE,
    texts.map((text, id) => ({ id, text })),
  );
  const searcher =
    (mode: 'keyword' | 'vector' | 'hybrid'): Searcher =>
    async (text) => {
      const { rows } = await ask({ table: TABLE, select: ['id'], search: { text, mode, k: 10 } });
      return rows.map(([id]) => Number(id));
    };
  return { keyword: searcher('keyword'), vector: searcher('vector'), hybrid: searcher('hybrid') };
}
