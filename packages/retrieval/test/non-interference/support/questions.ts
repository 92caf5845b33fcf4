import {
  type Column,
  type ExportFormat,
  type JsonValue,
  type MemorySearch,
  type QueryRequest,
  quoteIdentifier,
  type RowsRequest,
  type SearchClause,
  type SearchMode,
  type TableName,
} from '@hakiri/core';
import type { Random } from '../../../../../test/support/random.ts';
import { leaves } from '../../../../../test/support/random-predicate.ts';
import type { Reference, ReferenceTable } from './reference.ts';
import { EVENTS, NOTES, PEOPLE, type Scene, someFilter, someWord, TICKETS } from './scene.ts';

export type Question = {
  /** The tables it names. */
  readonly about: readonly TableName[];
  /** Whether a search has to be allowed. */
  readonly isSearch?: boolean;
} & (
  | {
      readonly kind: 'query';
      readonly request: QueryRequest;
      /** Whether the answer says in which order its rows come. */
      readonly isOrdered: boolean;
      /** Of the history; the answer is as of then. */
      readonly asOf?: number;
    }
  | { readonly kind: 'aggregates'; readonly sql: string; readonly suppressed: string }
  | {
      readonly kind: 'get';
      readonly keys: readonly (readonly JsonValue[])[];
      readonly select: readonly string[] | undefined;
    }
  /** Rows of a table without a key, by the names that citations give them. */
  | { readonly kind: 'get-named' }
  | {
      readonly kind: 'export';
      readonly rows: RowsRequest;
      readonly format: ExportFormat;
      readonly isOrdered: boolean;
    }
  | { readonly kind: 'memory'; readonly search: MemorySearch }
  | { readonly kind: 'describe' }
  | { readonly kind: 'tables' }
);

export function randomQuestion(random: Random, scene: Scene, reference: Reference): Question {
  const table = someTable(random, reference);
  const left = reference.tables.get(table);
  if (left?.minGroup !== undefined && random.chance(0.7)) return aggregates(random, left, reference);
  return random.pick([
    structured,
    structured,
    sql,
    sql,
    sql,
    searched,
    searched,
    named,
    get,
    exported,
    describe,
    memory,
    asOf,
    () => ({ kind: 'tables', about: [] }) as const,
  ])(random, table, left, scene);
}

/** Those that are there more often. */
function someTable(random: Random, { tables }: Reference): TableName {
  const visible = [...tables.keys()];
  if (visible.length === 0 || random.chance(0.1)) return random.pick([TICKETS, EVENTS, PEOPLE, NOTES]);
  return visible.includes(TICKETS) && random.chance(0.4) ? TICKETS : random.pick(visible);
}

type Ask = (random: Random, table: TableName, left: ReferenceTable | undefined, scene: Scene) => Question;

/** A path by the dots of requests; sometimes one that is not seen, or that there never was. */
function somePath(random: Random, table: TableName, left: ReferenceTable | undefined, scene: Scene): string {
  const raw = scene.tables.find(({ name }) => name === table)!.schema;
  const from = left === undefined || random.chance(0.06) ? raw : left.schema;
  if (random.chance(0.02)) return random.pick(['titel', 'nope', '_hakiri_seq', 'user.nope']);
  return random.pick(leaves(from.columns)).sql.replaceAll('"', '');
}

const structured: Ask = (random, table, left, scene) => {
  const path = (): string => somePath(random, table, left, scene);
  const orderBy = random.chance(0.6)
    ? random.many(1 + random.below(2), () => `${path()}${random.chance(0.4) ? ' desc' : ''}`)
    : [];
  const select = random.chance(0.5) ? [...new Set(random.many(1 + random.below(4), path))] : [];
  return {
    kind: 'query',
    about: [table],
    // Rows without a key have nothing that settles the order of equal ones.
    isOrdered: orderBy.length > 0 && (left?.key === 'clear' || left?.key === 'renamed'),
    request: {
      table,
      ...(select.length > 0 ? { select } : {}),
      ...(orderBy.length > 0 ? { orderBy } : {}),
      ...(random.chance(0.5) ? { filter: someFilter(random, table) } : {}),
      ...(random.chance(0.5) ? { limit: 1 + random.below(9) } : {}),
      ...flags(random),
    },
  };
};

const flags = (random: Random) => ({
  ...(random.chance(0.4) ? { cite: true } : {}),
  ...(random.chance(0.4) ? { explain: true } : {}),
});

const asOf: Ask = (random, table, left, scene) =>
  ({
    ...structured(random, table, left, scene),
    kind: 'query',
    asOf: random.pick([...scene.history.keys()].filter((place) => isRun(scene.history[place]))),
  }) as Question;

const isRun = (step: Scene['history'][number] | undefined): boolean =>
  step !== undefined && step !== 'compact' && !step.isSmall;

const isScalar = ({ type }: Column): boolean => !['struct', 'list', 'json'].includes(type.kind);

function sqlText(random: Random, table: TableName, left: ReferenceTable | undefined, scene: Scene): string {
  const raw = scene.tables.find(({ name }) => name === table)!.schema.columns;
  const columns = (left?.schema.columns ?? raw).filter(isScalar);
  const column = (): string =>
    quoteIdentifier(
      (columns.length === 0 || random.chance(0.05) ? random.pick(raw) : random.pick(columns)).name,
    );
  const [a, b] = [column(), column()];
  return random.pick([
    `select * from ${table} order by all`,
    `select ${a}, ${b} from ${table} order by all`,
    `select ${a}, count(*) as n from ${table} group by all order by all`,
    `select count(*), min(${a}), max(${b}), count(distinct ${b}) from ${table}`,
    `select cast(${a} as integer) as c from ${table} order by all`,
    `select ${b} from ${table} where cast(${a} as integer) > 5 order by all`,
    `select t.*, e.* from tickets t join events e on t.id = e.ticket order by all`,
    `select t.${a}, p.* from ${table} t join people p using (team) order by all`,
    `select t.${a}, count(e.n) as n from ${table} t left join events e on e.ticket = t.${b} group by all order by all`,
    `select ${a}, row_number() over (order by ${a}, ${b}) as r from ${table} order by all`,
    `select ${b} from ${table} where ${a} = (select max(${a}) from ${table}) order by all`,
    `with x as (select ${a} as y from ${table}) select count(*), count(y) from x`,
    `select list(${a} order by ${a}) as l from ${table}`,
    `select ${a} from ${table} union all select ${b} from ${table} order by all`,
    `select column_name, min, max, count from (summarize ${table}) order by all`,
    `select case when count(*) > 5 then cast('x' as integer) end from ${table}`,
    `select 1 from ${table} where ${a}::varchar ~ '^k' order by all`,
    `select ${a} from ${table}_ order by all`,
    `select nope, ${a} from ${table}`,
    `select _hakiri_seq from ${table} order by all`,
    `select count(*) from _hakiri_all_${table}`,
    `select count(*) from _hakiri_seen_${table}`,
    `select (select count(*) from tickets) as a, (select count(*) from people) as b`,
  ]);
}

const ALL = [TICKETS, EVENTS, PEOPLE, NOTES];
const namedIn = (text: string): readonly TableName[] => ALL.filter((name) => text.includes(name));

const sql: Ask = (random, table, left, scene) => {
  const text = sqlText(random, table, left, scene);
  return {
    kind: 'query',
    about: namedIn(text),
    isOrdered: true,
    // Rows that come before one that fails may be given, or not.
    request: {
      sql: text,
      ...(random.chance(0.3) && !/cast|error/.test(text) ? { limit: 1 + random.below(9) } : {}),
      ...flags(random),
    },
  };
};

function clause(random: Random, table: TableName): SearchClause {
  const mode = random.pick<SearchMode | undefined>(['keyword', 'vector', 'hybrid', undefined, undefined]);
  const word = (): string => someWord(random);
  const text = random.pick([
    () => word(),
    () => `${word()} ${word()}`,
    () => `"${word()} ${word()}"`,
    () => `${word().slice(0, 3)}* ${word()}`,
    () => `+${word()} ${word()}`,
    () => `ada${random.below(9)}@example.org`,
    () => `u${random.below(5)} ${word()}`,
  ])();
  const index = random.pick(table === TICKETS ? ['words', 'near', 'whole'] : ['said', 'words', 'likeness']);
  return {
    text,
    k: 1 + random.below(20),
    ...(mode === undefined ? {} : { mode }),
    ...(random.chance(0.2) ? { indexes: [index] } : {}),
  };
}

const searched: Ask = (random, table, left, scene) => {
  const path = (): string => somePath(random, table, left, scene);
  return {
    kind: 'query',
    about: [table],
    isSearch: true,
    isOrdered: true,
    request: {
      table,
      search: clause(random, table),
      ...(random.chance(0.3) ? { filter: someFilter(random, table) } : {}),
      ...(random.chance(0.2) && left?.key !== 'none' && left?.key !== 'hidden' ? { orderBy: [path()] } : {}),
      ...(random.chance(0.4) ? { select: [...new Set([path(), path(), '_score', '_rank'])] } : {}),
      ...(random.chance(0.3) ? { limit: 1 + random.below(4) } : {}),
      ...flags(random),
    },
  };
};

const named: Ask = (random, table, left, scene) => {
  const text = random.pick([
    'select * from hits order by _rank',
    `select h._rank, h._score, t.* from hits h join ${table} t using (id) order by all`,
    'select count(*), max(_score) from hits',
    'select _rank, p.name from hits, people p order by all',
  ]);
  const column = somePath(random, table, left, scene);
  const chosen = random.pick([
    `select ${quoteIdentifier(column)} from ${table}`,
    'select team from people',
    'select ticket from events where n < 5',
  ]);
  const isChosen = random.chance(0.3);
  return {
    kind: 'query',
    about: [...new Set([table, ...namedIn(text), ...(isChosen ? namedIn(chosen) : [])])],
    isSearch: true,
    isOrdered: true,
    request: {
      sql: text,
      search: {
        hits: {
          table,
          ...clause(random, table),
          ...(random.chance(0.3) ? { filter: someFilter(random, table) } : {}),
          ...(isChosen ? { in: { [random.pick([column, 'team', 'id'])]: chosen } } : {}),
        },
      },
      ...flags(random),
    },
  };
};

const get: Ask = (random, table, left, scene) => {
  if (table === EVENTS) return { kind: 'get-named', about: [table] };
  const known = (left?.rows ?? []).flatMap(({ id }) => (id === undefined ? [] : [id]));
  const raw = (): JsonValue =>
    table === PEOPLE ? random.below(12) : `${table === TICKETS ? 'k' : 'n'}${random.below(30)}`;
  const key = (): JsonValue => (known.length === 0 || random.chance(0.4) ? raw() : random.pick(known));
  return {
    kind: 'get',
    about: [table],
    keys: random.many(1 + random.below(5), () => [key()]),
    select: random.chance(0.4)
      ? [...new Set(random.many(2, () => somePath(random, table, left, scene)))]
      : undefined,
  };
};

const exported: Ask = (random, table, left, scene) => {
  const asked = random.pick([structured, sql])(random, table, left, scene);
  if (asked.kind !== 'query') return asked;
  const { limit: _, cite: __, explain: ___, ...rows } = asked.request;
  return {
    kind: 'export',
    about: asked.about,
    rows,
    format: random.pick(['csv', 'ndjson'] as const),
    isOrdered: asked.isOrdered,
  };
};

const memory: Ask = (random) => ({
  kind: 'memory',
  about: [NOTES],
  search: {
    namespace: 'notes',
    ...(random.chance(0.7) ? { text: `${someWord(random)} ${someWord(random)}` } : {}),
    ...(random.chance(0.3) ? { subject: random.pick(['ada', 'bob']) } : {}),
    ...(random.chance(0.2) ? { tags: [someWord(random)] } : {}),
    ...(random.chance(0.3) ? { filter: someFilter(random, NOTES) } : {}),
    ...(random.chance(0.3) ? { includeSuperseded: true } : {}),
    k: 1 + random.below(9),
  },
});

const describe: Ask = (_random, table) => ({ kind: 'describe', about: [table] });

/** Of a table of which nothing else is given: the question, and its answer's definition. */
function aggregates(random: Random, left: ReferenceTable, { tables }: Reference): Question {
  const n = left.minGroup ?? 0;
  const scalars = left.schema.columns.filter(isScalar);
  const groups = [
    ...new Set(
      random.many(random.below(3), () => (scalars.length === 0 ? [] : [random.pick(scalars).name])).flat(),
    ),
  ];
  const other = tables.get(left.name === TICKETS ? EVENTS : TICKETS);
  const canJoin =
    (left.name === TICKETS || left.name === EVENTS) &&
    other?.mayRead === true &&
    other.minGroup === undefined &&
    [left, other].every((one) =>
      one.schema.columns.some(
        ({ name, type }) => name === (one.name === TICKETS ? 'id' : 'ticket') && type.kind === 'string',
      ),
    );
  const isJoined = canJoin && random.chance(0.4);
  const from = isJoined ? 'tickets t join events e on t.id = e.ticket' : `${left.name} t`;
  const alias = isJoined && left.name === EVENTS ? 'e' : 't';
  const named = (name: string): string => `${alias}.${quoteIdentifier(name)}`;
  // Every row has another key, of whichever columns it is made.
  const key = `(${alias}._hakiri_run, ${alias}._hakiri_seq)`;
  const numbers = left.schema.columns.filter(({ type }) => ['int32', 'int64', 'decimal'].includes(type.kind));
  const over = (aggregate: string, name: string): readonly [string, string] => {
    const plain = aggregate.replace('?', named(name));
    return [
      plain,
      `case when count(distinct ${key}) filter (${named(name)} is not null) >= ${n} then ${plain} end`,
    ];
  };
  const one = (): readonly [string, string] => {
    const column = scalars.length === 0 ? undefined : random.pick(scalars).name;
    const number = numbers.length === 0 ? undefined : random.pick(numbers).name;
    return random.pick<() => readonly [string, string]>([
      () => ['count(*)', 'count(*)'],
      ...(column === undefined
        ? []
        : [() => over('count(?)', column), () => over('count(distinct ?)', column)]),
      ...(number === undefined ? [] : [() => over('sum(?)', number), () => over('avg(?)', number)]),
    ])();
  };
  const chosen = random.many(1 + random.below(3), one);
  const write = (side: 0 | 1): string => {
    const list = [...groups.map(named), ...chosen.map((pair, i) => `${pair[side]} as a${i}`)];
    const by = groups.length === 0 ? '' : ` group by ${groups.map(named).join(', ')}`;
    const having = side === 0 ? '' : ` having count(distinct ${key}) >= ${n}`;
    return `select ${list.join(', ')} from ${from}${by}${having} order by all`;
  };
  return {
    kind: 'aggregates',
    about: isJoined ? [TICKETS, EVENTS] : [left.name],
    sql: write(0),
    suppressed: write(1),
  };
}
