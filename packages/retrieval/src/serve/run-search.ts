import { type SeenTable, zoneAllowed } from '@hakiri/access';
import {
  type CatalogTable,
  type Embedder,
  type Grant,
  HakiriError,
  type IndexSpec,
  isHakiriError,
  LOCAL_ZONE,
  nearestNames,
  parsePredicate,
  predicateToSql,
  quoteIdentifier,
  type SearchClause,
  type SearchMode,
  type VectorIndexSpec,
} from '@hakiri/core';
import type { SessionLimits } from '@hakiri/engine';
import type { IndexedTable } from '../indexes/indexed-table.ts';
import type { ServedTable } from '../query/session.ts';
import { namedColumns } from '../query/structured-sql.ts';
import type { AllowedRows, MatchedColumns, SearchAnswer, SearchRequest } from '../search/request.ts';
import { ALIVE_ROWS, PLACE_COLUMNS } from '../sets/place-columns.ts';
import { askSearch } from './ask-search.ts';
import { notSearchable } from './oldest-searchable.ts';
import type { ServeParts } from './parts.ts';
import type { SearchServices } from './search-services.ts';
import { seenOf } from './seen-of.ts';
import { matchedColumns, visibleIndexes } from './visible-indexes.ts';

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
 * One search in one table: filter and condition hold before it, over the table as the grant sees it.
 * @throws HakiriError access.denied, access.zone_refused, query.no_index, query.invalid, query.as_of_gone, index.*,
 * embedding.*, predicate.invalid
 */
export async function runSearch(
  parts: ServeParts,
  { table, isPast, clause, filter, condition, explain }: SearchIn,
  grant: Grant,
  limits: () => SessionLimits,
): Promise<SearchAnswer> {
  const { search, engine, store } = parts;
  const served = { table, seen: seenOf(parts, table, grant) };
  const { seen } = served;
  if (!seen.canSearch) throw new HakiriError('access.denied', `Nothing may be searched for in ${table.name}`);
  if (search === undefined) throw withoutSearch();
  const hits = requireClause(clause);
  const chosen = await chooseIndexes(parts, search, table, seen, clause, grant);
  const indexed = await search.indexed(table);
  const columns = matchedColumns(indexed.indexes, table.schema, seen);
  const serving = chosen.specs.map(({ name }) => servingAs(indexed, name, columns));
  const { mode } = chosen;
  const request: SearchRequest = {
    table: indexed,
    mode,
    ...(mode === 'vector' ? {} : { text: clause.text }),
    ...(mode === 'keyword'
      ? {}
      : { vector: await vectorOf(search, { table, serving, text: clause.text, mode }, grant, limits) }),
    indexes: serving.map(({ name }) => name),
    ...(columns === undefined ? {} : { columns }),
    k: hits,
    allowed: allowedBy(seen, whereOf(served, filter, condition)),
    explain,
  };
  // When the table was written is told only to those who see all of it.
  const past = { store, search, table, isTold: seen.isWhole };
  try {
    const answer = await askSearch(engine, request, limits);
    const missing = chosen.specs.find(({ name }) => (answer.behind[name] ?? 0) > 0);
    if (isPast && missing !== undefined) throw await notSearchable(past, missing);
    return answer;
  } catch (error) {
    const [missing] = chosen.specs;
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
  parts: ServeParts,
  search: SearchServices,
  { name, schema }: CatalogTable,
  seen: SeenTable,
  { mode, indexes }: SearchClause,
  grant: Grant,
): Promise<Chosen> {
  const declared = visibleIndexes(search.indexes(name), schema, seen);
  const searchable = async () =>
    (await parts.known.now()).flatMap((table): readonly (readonly [string, readonly IndexSpec[]])[] => {
      const other = parts.seen(table, grant);
      if (!other?.canSearch) return [];
      const specs = visibleIndexes(search.indexes(table.name), table.schema, other);
      return specs.length === 0 ? [] : [[table.name, specs]];
    });
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

/**
 * What serves under the name: while a changed index is built, it is the one from before; where vectors are of a text
 * that is served scrubbed, the index's twin.
 */
function servingAs({ indexes }: IndexedTable, name: string, columns: MatchedColumns | undefined): IndexSpec {
  const own = indexes.find((serving) => serving.name === name);
  const twin = indexes.find((serving) => serving.scrubbed?.twinOf === name);
  const isClear = (column: string): boolean => columns === undefined || columns.clear.includes(column);
  const isMatched = (column: string): boolean =>
    isClear(column) || columns?.scrubbed.includes(column) === true;
  if (own?.kind === 'fts' && own.columns.some(isMatched)) return own;
  if (own?.kind === 'vector' && own.columns.every(isClear)) return own;
  const isCut = (column: string): boolean =>
    twin?.scrubbed?.columns.some((one) => one.column === column) === true;
  if (
    own?.kind === 'vector' &&
    twin?.columns.every((column) => isClear(column) || (isMatched(column) && isCut(column)))
  ) {
    return twin;
  }
  throw new HakiriError('index.not_built', `The index ${name} is declared but not built yet`);
}

/** Where nothing is kept back, the child is told of no policy, and reads the table as it is. */
function allowedBy(seen: SeenTable, where: string | undefined): AllowedRows {
  const { isWhole, seesAllRows } = seen;
  if (isWhole) return { seesAll: seesAllRows, where };
  // No filter fails on a value, so nothing is told of rows that are asked before they are left out.
  const select = seen.select(quoteIdentifier(ALIVE_ROWS), { passing: PLACE_COLUMNS, isBarrier: false });
  return { seesAll: seesAllRows, seen: select, where };
}

function whereOf(
  served: ServedTable,
  filter: string | undefined,
  condition: string | undefined,
): string | undefined {
  const conditions = [
    ...(filter === undefined ? [] : [predicateToSql(parsePredicate(filter), namedColumns(served))]),
    ...(condition === undefined ? [] : [condition]),
  ];
  return conditions.length === 0 ? undefined : conditions.map((one) => `(${one})`).join(' AND ');
}

const KEPT_VECTORS = 200;
/** Of questions, oldest use first: paging and refining ask the same again. */
const questions = new WeakMap<SearchServices, Map<string, string>>();

interface Question {
  readonly table: CatalogTable;
  readonly serving: readonly IndexSpec[];
  readonly text: string;
  readonly mode: SearchMode;
}

async function vectorOf(
  search: SearchServices,
  { table, serving, text, mode }: Question,
  grant: Grant,
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
  const isPinned = grant.restrictions.some(({ zones }) => zones !== undefined);
  if (isPinned) requireZone(grant, await search.embedder(table.name, spec));
  const known = questions.get(search) ?? new Map<string, string>();
  questions.set(search, known);
  const name = `${spec.model}\0${text}`;
  const vector =
    known.get(name) ?? (await embedded(await search.embedder(table.name, spec), text, mode, limits));
  known.delete(name);
  known.set(name, vector);
  const [oldest] = known.keys();
  if (known.size > KEPT_VECTORS && oldest !== undefined) known.delete(oldest);
  return vector;
}

/** What a question says goes nowhere that the caller itself is kept from. @throws HakiriError access.zone_refused */
function requireZone(grant: Grant, { model }: Embedder): void {
  const zone = model.zone ?? LOCAL_ZONE;
  if (zoneAllowed(grant, zone)) return;
  throw new HakiriError('access.zone_refused', `The question would be sent to a model in "${zone}"`, {
    hint: 'Search with mode "keyword": then nothing is sent anywhere.',
    details: { zone, model: model.id },
  });
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
