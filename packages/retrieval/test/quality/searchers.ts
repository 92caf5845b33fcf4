import { BUILT_IN_DIMS, BUILT_IN_MODEL } from '@hakiri/core';
import { hashingEmbedder } from '../../src/embed/index.ts';
import { fuse } from '../../src/search/fuse.ts';
import { everyRow } from '../../src/sets/row-set.ts';
import {
  createTextSegmentBuilder,
  openTextSegment,
  parseTextQuery,
  searchText,
} from '../../src/text/index.ts';
import {
  createVectorSegmentWriter,
  memoryFile,
  memorySink,
  openVectorSegment,
  scanVectors,
} from '../../src/vector/index.ts';

/** Numbers of texts, best first. */
export type Searcher = (query: string) => Promise<readonly number[]>;

/** How many each part of a hybrid search gives to the fusion. */
const DEPTH = 100;

/** The three ways to search, over one part that holds all texts: segments, scan and fusion are the real ones. */
export async function searchersOver(
  texts: readonly string[],
): Promise<Readonly<Record<'keyword' | 'vector' | 'hybrid', Searcher>>> {
  const keyword = keywordSearcher(texts);
  const vector = await vectorSearcher(texts);
  return {
    keyword,
    vector,
    hybrid: async (query) => {
      const lists = await Promise.all([keyword(query), vector(query)]);
      const fused = fuse(
        lists.map((list) => list.slice(0, DEPTH)),
        DEPTH,
        (row) => row,
        (a, b) => a - b,
      );
      return fused.map(({ row }) => row);
    },
  };
}

function keywordSearcher(texts: readonly string[]): Searcher {
  const builder = createTextSegmentBuilder({ analyzer: 'english' });
  for (const [i, text] of texts.entries()) builder.add(i, text);
  const bytes = Buffer.concat(builder.finish(texts.length));
  const segment = openTextSegment((offset, length) => bytes.subarray(offset, offset + length), bytes.length);
  const documents = [{ fields: [segment], visible: everyRow(texts.length) }];
  return async (query) =>
    searchText(documents, parseTextQuery(query, 'english'), { k: DEPTH }).hits.map(({ ordinal }) => ordinal);
}

async function vectorSearcher(texts: readonly string[]): Promise<Searcher> {
  const embedder = hashingEmbedder();
  const kind = {
    dims: BUILT_IN_DIMS,
    scan: 'int8',
    model: BUILT_IN_MODEL,
    metric: 'cosine',
    rows: texts.length,
  } as const;
  const { sink, bytes } = memorySink();
  const writer = createVectorSegmentWriter(kind, sink);
  for (const vector of await embedder.embed(texts, { purpose: 'document' })) writer.add(vector);
  writer.finish();
  const segment = openVectorSegment(memoryFile(bytes()), kind);
  const rows = everyRow(texts.length);
  return async (query) => {
    const [vector] = await embedder.embed([query], { purpose: 'query' });
    const found = scanVectors(vector!, [{ unit: 0, segment, rows }], DEPTH, (_, a, __, b) => a - b);
    return found.rows.map(({ ordinal }) => ordinal);
  };
}
