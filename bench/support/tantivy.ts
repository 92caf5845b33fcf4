import { mkdirSync } from 'node:fs';
import { peer } from './peer.ts';

const BINDING = '@oxdev03/node-tantivy-binding-linux-x64-gnu';

type TantivyQuery = object;

/** As much of the binding as is used here. */
interface Tantivy {
  readonly SchemaBuilder: new () => SchemaBuilder;
  readonly Index: new (schema: object, path: string) => TantivyIndex;
  readonly Document: new () => { addText(field: string, text: string): void };
  readonly Query: {
    termQuery(schema: object, field: string, term: string): TantivyQuery;
    regexQuery(schema: object, field: string, pattern: string): TantivyQuery;
    constScoreQuery(query: TantivyQuery, score: number): TantivyQuery;
    booleanQuery(clauses: readonly { occur: number; query: TantivyQuery }[]): TantivyQuery;
  };
  readonly Occur: { readonly Must: number };
}

interface SchemaBuilder {
  addTextField(
    name: string,
    options: { stored: boolean; tokenizerName: string; indexOption: string },
  ): SchemaBuilder;
  build(): object;
}

interface TantivyIndex {
  readonly schema: object;
  writer(
    heapBytes: number,
    threads: number,
  ): { addDocument(document: object): void; commit(): void; waitMergingThreads(): void };
  reload(): void;
  searcher(): { readonly numDocs: number; search(query: TantivyQuery, limit: number): unknown };
  parseQuery(query: string, fields: readonly string[]): TantivyQuery;
}

/** The peer over the same rows: each query is made into its own and answered. */
export interface TantivyRows {
  add(text: string, allowed: boolean): void;
  finish(): void;
  /** Words, phrases and AND as they are; `prefix*` matches as a pattern, all rows scoring the same. */
  search(query: string, k: number): void;
  searchAllowed(query: string, k: number): void;
}

export function openTantivy(dataFolder: string, folder: string): TantivyRows {
  const tantivy = peer(dataFolder, 'keyword')(BINDING) as Tantivy;
  const schema = new tantivy.SchemaBuilder()
    .addTextField('body', { stored: false, tokenizerName: 'en_stem', indexOption: 'position' })
    .addTextField('allowed', { stored: false, tokenizerName: 'raw', indexOption: 'basic' })
    .build();
  mkdirSync(folder, { recursive: true });
  const index = new tantivy.Index(schema, folder);
  const writer = index.writer(200_000_000, 1);
  let searcher: ReturnType<TantivyIndex['searcher']> | undefined;
  const parsed = (query: string): TantivyQuery =>
    query.endsWith('*')
      ? tantivy.Query.regexQuery(schema, 'body', `${query.slice(0, -1)}.*`)
      : index.parseQuery(query, ['body']);
  return {
    add(text, allowed) {
      const document = new tantivy.Document();
      document.addText('body', text);
      if (allowed) document.addText('allowed', 'yes');
      writer.addDocument(document);
    },
    finish() {
      writer.commit();
      writer.waitMergingThreads();
      index.reload();
      searcher = index.searcher();
    },
    search: (query, k) => void searcher?.search(parsed(query), k),
    searchAllowed(query, k) {
      const allowed = tantivy.Query.termQuery(schema, 'allowed', 'yes');
      const both = [parsed(query), tantivy.Query.constScoreQuery(allowed, 0)];
      searcher?.search(
        tantivy.Query.booleanQuery(both.map((one) => ({ occur: tantivy.Occur.Must, query: one }))),
        k,
      );
    },
  };
}
