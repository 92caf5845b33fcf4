import {
  type CatalogTable,
  type Embedder,
  type Grant,
  HakiriError,
  type IndexSpec,
  isHakiriError,
  nearestNames,
  parsePredicate,
  predicateToSql,
  type SearchClause,
  type SearchMode,
  type TableName,
  type VectorIndexSpec,
} from '@hakiri/core';
import type { SessionLimits } from '@hakiri/engine';
import type { IndexedTable } from '../indexes/indexed-table.ts';
import { withProvenance } from '../query/structured-sql.ts';
import type { SearchAnswer, SearchRequest } from '../search/request.ts';
import { askSearch } from './ask-search.ts';
import type { KnownTables } from './known-tables.ts';
import { notSearchable } from './oldest-searchable.ts';
import type { ServeParts } from './parts.ts';
import type { SearchServices } from './search-services.ts';

export interface SearchIn {
  readonly table: CatalogTable;
  /** Whether the table is as it was at some time, not as it is. */
  readonly isPast: boolean;
  readonly clause: SearchClause;
  /** In the predicate language. */
  readonly filter: string | undefined;
  /** In SQL, beside the filter; made by us. */
  readonly condition: string | undefined;
  readonly explain: boolean;
}

const DEFAULT_HITS = 10;
const MAX_HITS = 1000;
/** A question is not a document. */
const MAX_TEXT = 10_000;

/**
 * One search in one table: filter and condition hold before it.
 * @throws HakiriError query.no_index, query.invalid, query.as_of_gone, index.*, embedding.*, predicate.invalid
 */
export async function runSearch(
  { search, engine, store, known }: ServeParts,
  { table, isPast, clause, filter, condition, explain }: SearchIn,
  grant: Grant,
  limits: () => SessionLimits,
): Promise<SearchAnswer> {
  if (search === undefined) throw withoutSearch();
  const hits = requireClause(clause);
  const chosen = await chooseIndexes({ search, known }, table, clause);
  const indexed = await search.indexed(table);
  const serving = chosen.specs.map(({ name }) => servingAs(indexed, name));
  const where = whereOf(table, filter, condition);
  const request: SearchRequest = {
    table: indexed,
    mode: chosen.mode,
    ...(chosen.mode === 'vector' ? {} : { text: clause.text }),
    ...(chosen.mode === 'keyword'
      ? {}
      : { vector: await vectorOf(search, table.name, serving, clause.text, chosen.mode, limits) }),
    indexes: serving.map(({ name }) => name),
    k: hits,
    allowed: { grant: grant.subject, seesAll: true, where },
    explain,
  };
  const past = { store, search, table };
  try {
    const answer = await askSearch(engine, request, limits);
    const missing = serving.find(({ name }) => (answer.behind[name] ?? 0) > 0);
    if (isPast && missing !== undefined) throw await notSearchable(past, missing);
    return answer;
  } catch (error) {
    const [missing] = serving;
    if (!isPast || missing === undefined || !isHakiriError(error) || error.code !== 'index.not_built')
      throw error;
    throw await notSearchable(past, missing);
  }
}

function withoutSearch(): HakiriError {
  return new HakiriError('query.no_index', 'This build of Hakiri does not search', {
    hint: 'Use the full build, `hakiri` rather than the core profile; filters and SQL work in both.',
  });
}

/** Rows wanted. @throws HakiriError query.invalid */
function requireClause({ text, k = DEFAULT_HITS }: SearchClause): number {
  if (text.trim() === '') {
    throw new HakiriError('query.invalid', 'The search has no text', { hint: 'Say what to look for.' });
  }
  if (text.length > MAX_TEXT) {
    throw new HakiriError('query.invalid', `The search text is longer than ${MAX_TEXT} characters`, {
      hint: 'Ask with a few words or sentences.',
    });
  }
  if (!Number.isInteger(k) || k < 1 || k > MAX_HITS) {
    throw new HakiriError('query.invalid', `A search gives 1 to ${MAX_HITS} rows, not ${k}`, {
      hint: 'Narrow it with a filter to get at others.',
    });
  }
  return k;
}

interface Chosen {
  readonly mode: SearchMode;
  readonly specs: readonly IndexSpec[];
}

async function chooseIndexes(
  { search, known }: { readonly search: SearchServices; readonly known: KnownTables },
  { name }: CatalogTable,
  { mode, indexes }: SearchClause,
): Promise<Chosen> {
  const declared = search.indexes(name);
  const searchable = async () =>
    (await known.now())
      .map((table) => [table.name, search.indexes(table.name)] as const)
      .filter(([, specs]) => specs.length > 0);
  if (declared.length === 0) throw noIndex(`The table ${name} has no index`, [], await searchable());
  const named = indexes?.map((wanted) => {
    const found = declared.find((spec) => spec.name === wanted);
    if (found) return found;
    const names = declared.map((spec) => spec.name);
    const near = nearestNames(wanted, names);
    throw new HakiriError('query.no_index', `The table ${name} has no index "${wanted}"`, {
      hint: `Did you mean ${(near.length > 0 ? near : names).join(' or ')}?`,
    });
  });
  const usable = named ?? declared;
  const has = (kind: IndexSpec['kind']): boolean => usable.some((spec) => spec.kind === kind);
  const chosen = mode ?? (has('fts') ? (has('vector') ? 'hybrid' : 'keyword') : 'vector');
  const kinds: readonly IndexSpec['kind'][] =
    chosen === 'hybrid' ? ['fts', 'vector'] : chosen === 'keyword' ? ['fts'] : ['vector'];
  const missing = kinds.find((kind) => !has(kind));
  if (missing !== undefined) {
    const kind = missing === 'fts' ? 'keyword' : 'vector';
    throw noIndex(`Mode ${chosen} needs a ${kind} index, which ${name} does not have`, usable, []);
  }
  return { mode: chosen, specs: usable.filter((spec) => kinds.includes(spec.kind)) };
}

/** Says where one could search instead. */
function noIndex(
  message: string,
  own: readonly IndexSpec[],
  searchable: readonly (readonly [string, readonly IndexSpec[]])[],
): HakiriError {
  const inWords = (specs: readonly IndexSpec[]): string =>
    specs.map(({ name, columns }) => `${name} (${columns.join(', ')})`).join(', ');
  if (own.length > 0) return new HakiriError('query.no_index', message, { hint: `It has ${inWords(own)}.` });
  const others = searchable.map(([table, specs]) => `${table} by ${inWords(specs)}`).slice(0, MAX_NAMED);
  return new HakiriError('query.no_index', message, {
    ...(others.length === 0 ? {} : { hint: `One can search ${others.join('; ')}.` }),
  });
}

/** Tables that a hint names. */
const MAX_NAMED = 10;

/** What serves under the name: while a changed index is built, it is the one from before. */
function servingAs({ indexes }: IndexedTable, name: string): IndexSpec {
  const spec = indexes.find((serving) => serving.name === name);
  if (spec) return spec;
  throw new HakiriError('index.not_built', `The index ${name} is declared but not built yet`);
}

function whereOf(
  table: CatalogTable,
  filter: string | undefined,
  condition: string | undefined,
): string | undefined {
  const conditions = [
    ...(filter === undefined ? [] : [predicateToSql(parsePredicate(filter), withProvenance(table.schema))]),
    ...(condition === undefined ? [] : [condition]),
  ];
  return conditions.length === 0 ? undefined : conditions.map((one) => `(${one})`).join(' AND ');
}

const KEPT_VECTORS = 200;
/** Of questions, oldest use first: paging and refining ask the same again. */
const questions = new WeakMap<SearchServices, Map<string, string>>();

async function vectorOf(
  search: SearchServices,
  table: TableName,
  serving: readonly IndexSpec[],
  text: string,
  mode: SearchMode,
  limits: () => SessionLimits,
): Promise<string> {
  const [spec, ...others] = serving.filter(isVector);
  if (spec === undefined) throw new HakiriError('internal', 'There is no vector index to ask');
  const models = [...new Set([spec, ...others].map(({ model }) => model))];
  if (models.length > 1) {
    throw new HakiriError('query.invalid', `The vector indexes are of several models: ${models.join(', ')}`, {
      hint: 'Name one of them in `indexes`.',
    });
  }
  const known = questions.get(search) ?? new Map<string, string>();
  questions.set(search, known);
  const name = `${spec.model}\0${text}`;
  const vector = known.get(name) ?? (await embedded(await search.embedder(table, spec), text, mode, limits));
  known.delete(name);
  known.set(name, vector);
  const [oldest] = known.keys();
  if (known.size > KEPT_VECTORS && oldest !== undefined) known.delete(oldest);
  return vector;
}

const isVector = (spec: IndexSpec): spec is VectorIndexSpec => spec.kind === 'vector';

/** Little-endian floats in base64. */
async function embedded(
  embedder: Embedder,
  text: string,
  mode: SearchMode,
  limits: () => SessionLimits,
): Promise<string> {
  try {
    const { timeoutMs, signal } = limits();
    const deadline = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
    const [vector] = await embedder.embed([text], {
      purpose: 'query',
      signal: AbortSignal.any([...deadline, ...(signal ? [signal] : [])]),
    });
    if (vector === undefined) throw new HakiriError('embedding.dimension', 'The model gave no vector');
    return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
  } catch (error) {
    // Half of what was asked for, without a word, would be taken for the whole.
    if (!isHakiriError(error) || mode !== 'hybrid' || !error.code.startsWith('embedding.')) throw error;
    throw new HakiriError(error.code, error.message, {
      hint: `${error.hint} Until then search with mode "keyword".`,
      cause: error,
      details: error.details,
    });
  }
}
