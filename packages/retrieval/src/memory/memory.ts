import type { SeenTable } from '@hakiri/access';
import {
  type Answer,
  type AuditSink,
  type CatalogTable,
  type Citation,
  type Clock,
  type ErrorCode,
  type Grant,
  HakiriError,
  hasRight,
  isHakiriError,
  type JsonValue,
  type Memory,
  type MemoryForget,
  type MemoryForgotten,
  type MemoryFound,
  type MemoryHit,
  type MemoryItem,
  type MemorySearch,
  type MemoryWrite,
  type MemoryWritten,
  NO_AUDIT,
  parsePredicate,
  quoteLiteral,
  type Serve,
  type TableName,
} from '@hakiri/core';
import type { SmallRow, SmallWriter, WritableStore } from '@hakiri/store';
import { wholeTable } from '../query/whole-table.ts';
import { recordedBy } from '../serve/recorded.ts';
import { checkItems } from './check-items.ts';
import { MEMORY_COLUMNS, memoryTable, memoryTarget } from './memory-table.ts';

export interface MemoryOptions {
  readonly serve: Pick<Serve, 'query'>;
  readonly clock: Clock;
  /** Greater than every id made before. */
  readonly newId: () => string;
  /** The store, open for writing for as long as `use` takes, and perhaps a moment longer. */
  readonly withWriter: <T>(use: (store: WritableStore) => Promise<T>) => Promise<T>;
  /** Removes rows for good: from every file, index and cache. @returns the digests of the erasure */
  readonly erase: (table: TableName, keys: readonly (readonly JsonValue[])[]) => Promise<readonly string[]>;
  /** What a grant sees of a table; everything where it is not given. */
  readonly seen?: (table: CatalogTable, grant: Grant) => Promise<SeenTable | undefined>;
  /** What is written and forgotten is recorded there; what is searched for is by `serve`. */
  readonly audit?: AuditSink;
}

const DEFAULT_NAMESPACE = 'default';
const DEFAULT_HITS = 10;
/** At once: what is forgotten is held in memory, and is all there or all gone. */
const MAX_FORGOTTEN = 10_000;
const NOTHING_YET: readonly ErrorCode[] = ['query.unknown_table', 'store.not_found'];
const COLUMNS = MEMORY_COLUMNS.columns.map(({ name }) => name);

interface Existing {
  readonly rows: readonly (Readonly<Record<string, JsonValue>> | undefined)[];
  /** Whether nothing of the table is kept from the grant. */
  readonly isWhole: boolean;
}

/** Items are ordinary rows, written as they came: whoever reads them reads the same bytes. */
export function createMemory({
  serve,
  clock,
  newId,
  withWriter,
  erase,
  seen = async (table) => wholeTable(table),
  audit = NO_AUDIT,
}: MemoryOptions): Memory {
  const recorded = recordedBy(audit);
  const writers = new WeakMap<WritableStore, Map<string, SmallWriter>>();

  /** One a table and author, for as long as the store is open. */
  const writerOf = (store: WritableStore, table: TableName, { subject }: Grant): SmallWriter => {
    const open = writers.get(store) ?? new Map<string, SmallWriter>();
    writers.set(store, open);
    const name = `${table}\0${subject}`;
    const writer = open.get(name) ?? store.openSmallWrites(memoryTarget(table, subject));
    open.set(name, writer);
    return writer;
  };

  const now = (): string => new Date(clock.nowMs()).toISOString();

  /** Items that others replace are written again, with the time at which that happened. */
  const replaced = async (
    store: WritableStore,
    table: TableName,
    items: readonly MemoryItem[],
    grant: Grant,
  ) => {
    const ids = [...new Set(items.flatMap(({ supersedes }) => supersedes ?? []))];
    if (ids.length === 0) return [];
    const { rows } = await existing(store, table, ids, grant);
    const missing = ids.find((_, i) => rows[i] === undefined);
    if (missing !== undefined) {
      throw new HakiriError('memory.invalid', `There is no item ${missing} to replace`, {
        hint: 'Look for it with memory_search, or leave `supersedes` out.',
      });
    }
    const superseded = now();
    return rows.flatMap((row): SmallRow[] => (row ? [{ values: { ...row, superseded } }] : []));
  };

  /** In the order asked; undefined where there is none that the grant sees. */
  const existing = async (
    store: WritableStore,
    table: TableName,
    ids: readonly string[],
    grant: Grant,
  ): Promise<Existing> => {
    const stored = await store.catalog.table(table);
    if (stored === undefined) return { rows: ids.map(() => undefined), isWhole: true };
    const left = await seen(stored, grant);
    if (!left?.canRead) return { rows: ids.map(() => undefined), isWhole: false };
    const rows = await store.rows(
      table,
      ids.map((id) => [id]),
    );
    const isSeen = (values: Readonly<Record<string, JsonValue>>) => left.row(values) !== undefined;
    return {
      rows: rows.map((row) => (row && isSeen(row.values) ? ownValues(row.values) : undefined)),
      isWhole: left.isWhole,
    };
  };

  const select = async (
    request: MemorySearch,
    table: TableName,
    grant: Grant,
  ): Promise<Answer | undefined> => {
    const { text, k = DEFAULT_HITS } = request;
    const filter = filterOf(request);
    try {
      return await serve.query(
        {
          table,
          ...(filter === '' ? {} : { filter }),
          // Of the columns those that the caller is left.
          ...(text === undefined ? { orderBy: ['created desc', 'id desc'] } : { search: { text, k } }),
          limit: k,
          cite: true,
          once: true,
        },
        grant,
      );
    } catch (error) {
      // Nothing was remembered there yet.
      if (isHakiriError(error) && NOTHING_YET.includes(error.code)) return undefined;
      throw error;
    }
  };

  const idsAbout = async (subject: string, table: TableName, grant: Grant): Promise<readonly string[]> => {
    const request = { subject, k: MAX_FORGOTTEN + 1, includeSuperseded: true };
    const ids = hits(await select(request, table, grant)).map(({ id }) => id);
    if (ids.length <= MAX_FORGOTTEN) return ids;
    throw new HakiriError(
      'memory.too_large',
      `More than ${MAX_FORGOTTEN} items are about it: nothing was forgotten`,
      {
        hint: 'Forget them by their ids, some at a time.',
      },
    );
  };

  const written = async (
    namespace: string,
    table: TableName,
    items: readonly MemoryItem[],
    grant: Grant,
  ): Promise<MemoryWritten> =>
    withWriter(async (store) => {
      const old = await replaced(store, table, items, grant);
      const ids = items.map(newId);
      const created = now();
      const added = items.map(
        (item, i): SmallRow => ({
          values: {
            id: ids[i] ?? '',
            subject: item.subject ?? null,
            text: item.text,
            tags: [...(item.tags ?? [])],
            metadata: item.metadata ?? null,
            source: item.source ?? null,
            created,
            superseded: null,
          },
        }),
      );
      const { run } = await writerOf(store, table, grant).write([...added, ...old]);
      return { namespace, ids, run };
    });

  const forgotten = async (
    table: TableName,
    wanted: readonly string[],
    grant: Grant,
    isErased: boolean,
  ): Promise<Omit<MemoryForgotten, 'namespace'>> => {
    const { rows, isWhole } = await withWriter((store) => existing(store, table, wanted, grant));
    const there = wanted.filter((_, i) => rows[i] !== undefined);
    if (isErased) {
      // Also what was deleted before: its bytes may still be in files. Of those nobody can say any more who saw them.
      const ids = isWhole ? wanted : there;
      if (ids.length === 0) return { forgotten: there, proof: {} };
      const erasures = await erase(
        table,
        ids.map((id) => [id]),
      );
      return { forgotten: there, proof: { erasures } };
    }
    if (there.length === 0) return { forgotten: there, proof: {} };
    const { run } = await withWriter((store) =>
      writerOf(store, table, grant).write(there.map((id) => ({ delete: { id } }))),
    );
    return { forgotten: there, proof: { run } };
  };

  return {
    async write(request: MemoryWrite, grant): Promise<MemoryWritten> {
      const { namespace = DEFAULT_NAMESPACE, items } = request;
      const table = memoryTable(namespace);
      const call = { action: 'memory_write' as const, grant, request: { namespace }, target: table };
      return recorded(call, async () => {
        requireWrite(grant, table);
        checkItems(request);
        const answer = await written(namespace, table, items, grant);
        return { answer, rows: answer.ids.length, reads: [] };
      });
    },

    async search(request, grant): Promise<MemoryFound> {
      const { namespace = DEFAULT_NAMESPACE } = request;
      return { namespace, items: hits(await select(request, memoryTable(namespace), grant)) };
    },

    async forget(request: MemoryForget, grant): Promise<MemoryForgotten> {
      const { namespace = DEFAULT_NAMESPACE, ids, subject } = request;
      if ((ids === undefined) === (subject === undefined)) {
        throw new HakiriError(
          'memory.invalid',
          'What to forget is named by `ids` or by `subject`, one of them',
        );
      }
      const table = memoryTable(namespace);
      const erased = request.erase === true;
      const call = {
        action: 'memory_forget' as const,
        grant,
        request: { namespace, erase: erased },
        target: table,
      };
      return recorded(call, async () => {
        requireWrite(grant, table);
        const wanted = [...new Set(ids ?? (await idsAbout(subject ?? '', table, grant)))];
        const answer = { namespace, ...(await forgotten(table, wanted, grant, erased)) };
        const keys = answer.forgotten.map((id) => [id]);
        return { answer, rows: keys.length, reads: [{ table, how: 'returned', keys }] };
      });
    },
  };
}

/** @throws HakiriError access.denied whether there is such a table or not */
function requireWrite(grant: Grant, table: TableName): void {
  const isLeft = ({ tables }: Grant['restrictions'][number]): boolean =>
    tables === undefined || tables.some((name) => name === '*' || name === table);
  if (hasRight(grant, table, 'write') && grant.restrictions.every(isLeft)) return;
  throw new HakiriError('access.denied', `Nothing may be written to ${table}`);
}

function ownValues(values: Readonly<Record<string, JsonValue>>): Readonly<Record<string, JsonValue>> {
  const own = Object.fromEntries(COLUMNS.map((name) => [name, values[name] ?? null]));
  return { ...own, metadata: parsedMetadata(own.metadata ?? null) };
}

function filterOf({ subject, tags = [], filter, includeSuperseded = false }: MemorySearch): string {
  return [
    ...(includeSuperseded ? [] : ['superseded is null']),
    ...(subject === undefined ? [] : [`subject = ${quoteLiteral(subject)}`]),
    ...tags.map((tag) => `contains(tags, ${quoteLiteral(tag)})`),
    ...(filter === undefined ? [] : [`(${requireWhole(filter)})`]),
  ].join(' and ');
}

/** A filter that is one by itself cannot close our parenthesis. @throws HakiriError predicate.invalid */
function requireWhole(filter: string): string {
  parsePredicate(filter);
  return filter;
}

function hits(answer: Answer | undefined): readonly MemoryHit[] {
  if (answer === undefined) return [];
  const at = new Map(answer.columns.map(({ name }, i) => [name, i]));
  const { citations } = answer;
  return answer.rows.map((row, i) => {
    const value = (name: string): JsonValue => row[at.get(name) ?? -1] ?? null;
    const text = (name: string): string | null => {
      const found = value(name);
      return found === null ? null : String(found);
    };
    const score = value('_score');
    return {
      id: text('id') ?? '',
      subject: text('subject'),
      text: text('text') ?? '',
      tags: (value('tags') as readonly string[] | null) ?? [],
      metadata: parsedMetadata(value('metadata')),
      source: text('source'),
      created: text('created') ?? '',
      superseded: text('superseded'),
      ...(typeof score === 'number' ? { score } : {}),
      citation: requireCitation(citations?.kind === 'rows' ? citations.rows[i]?.[0] : undefined),
    };
  });
}

function requireCitation(citation: Citation | undefined): Citation {
  if (citation) return citation;
  throw new HakiriError('internal', 'A row of memory came without its citation');
}

/** JSON columns are text in the one JSON form. */
function parsedMetadata(value: JsonValue): JsonValue {
  return typeof value === 'string' ? (JSON.parse(value) as JsonValue) : value;
}
