import { pseudonymsOf } from '@hakiri/access';
import { attenuateToken, createGatekeeper, issueToken, signingKeyOf } from '@hakiri/access/token';
import {
  ACTIONS,
  type Attenuation,
  BUILT_IN_DIMS,
  BUILT_IN_MODEL,
  COLUMN_ACTIONS,
  type Grant,
  type IndexSpec,
  type JsonValue,
  type Manifest,
  NO_RESTRICTIONS,
  type PiiType,
  type PolicySpec,
  parseTableName,
  type Restrictions,
  type Right,
  type TableName,
  type ZoneTag,
} from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import type { Random } from '../../../../../test/support/random.ts';
import type { NaiveFacts } from '../../../../access/test/policy/naive.ts';
import { withTwins } from '../../../src/indexes/index.ts';
import { MEMORY_COLUMNS, MEMORY_INDEXES } from '../../../src/memory/memory-table.ts';
import { columns, realClock } from '../../serve/support/world.ts';
import type { Commit, History, Row, TableDef } from './build-store.ts';

export const TICKETS = parseTableName('tickets');
export const EVENTS = parseTableName('events');
export const PEOPLE = parseTableName('people');
export const NOTES = parseTableName('memory_notes');

/** A store, what its manifest says, and somebody who asks. */
export interface Scene {
  readonly tables: readonly TableDef[];
  readonly history: History;
  readonly manifest: Manifest;
  /** The manifest's part in the policy, for those who do not read manifests. */
  readonly world: Readonly<Record<string, NaiveFacts>>;
  readonly grant: Grant;
}

const KEY = signingKeyOf(Buffer.alloc(32, 3));
export const PSEUDONYMS = pseudonymsOf(Buffer.alloc(32, 9));

const vector = (name: string, of: readonly string[]): IndexSpec => ({
  kind: 'vector',
  name,
  columns: of,
  model: BUILT_IN_MODEL,
  dims: BUILT_IN_DIMS,
  metric: 'cosine',
  scan: 'int8',
});

export const DECLARED: Readonly<Record<string, readonly IndexSpec[]>> = {
  [TICKETS]: [
    { kind: 'fts', name: 'words', columns: ['title', 'body'], analyzer: 'english' },
    vector('near', ['title']),
    vector('whole', ['title', 'body']),
  ],
  [EVENTS]: [{ kind: 'fts', name: 'said', columns: ['text'], analyzer: 'simple' }],
  [PEOPLE]: [],
  [NOTES]: MEMORY_INDEXES,
};

const SCHEMAS = {
  [TICKETS]: columns({
    id: 'string',
    title: 'string',
    body: 'string',
    team: 'string',
    code: 'string',
    mail: 'string',
    size: 'int32',
    price: 'decimal(9,2)',
    at: 'timestamp',
    ok: 'boolean',
    user: 'struct<login: string, age: int32>',
    tags: 'string[]',
    changed: 'timestamp',
  }),
  [EVENTS]: columns({ ticket: 'string', text: 'string', n: 'int64', day: 'date' }),
  [PEOPLE]: columns({ id: 'int64', mail: 'string', name: 'string', team: 'string' }),
  [NOTES]: MEMORY_COLUMNS,
} as const;

const KEPT = {
  [TICKETS]: { mode: 'merge', primaryKey: ['id'], incremental: 'changed' },
  [EVENTS]: { mode: 'append', primaryKey: [], incremental: undefined },
  [PEOPLE]: { mode: 'merge', primaryKey: ['id'], incremental: undefined },
  [NOTES]: { mode: 'merge', primaryKey: ['id'], incremental: undefined },
} as const;

/** Texts of this column may quote that one. */
const QUOTING = { table: TICKETS, column: 'body', of: 'people.mail', piiType: 'email' } as const;

const TABLES: readonly TableDef[] = [TICKETS, EVENTS, PEOPLE, NOTES].map((name) => ({
  name,
  schema: SCHEMAS[name]!,
  ...KEPT[name]!,
  specs: withTwins(DECLARED[name] ?? [], (column) =>
    name === QUOTING.table && column === QUOTING.column ? [QUOTING.piiType] : undefined,
  ),
}));

export function randomScene(random: Random): Scene {
  const world = randomWorld(random);
  return {
    tables: TABLES,
    history: randomHistory(random),
    world,
    manifest: readManifest([{ file: 'hakiri.toml', text: tomlOf(world) }]),
    grant: randomGrant(random),
  };
}

/** Another who asks, under another manifest, over the same store. */
export function withOtherPolicy(scene: Scene, random: Random): Scene {
  const world = randomWorld(random);
  const manifest = readManifest([{ file: 'hakiri.toml', text: tomlOf(world) }]);
  return { ...scene, world, manifest, grant: randomGrant(random) };
}

// Rows

const WORDS = 'river mountain harbour lantern copper violin winter engine garden letter'.split(' ');
export const someWord = (random: Random): string => random.pick(WORDS);
const words = (random: Random, count: number): string => random.many(count, () => someWord(random)).join(' ');
const someMail = (random: Random): string => `ada${random.below(9)}@example.org`;
const TEAMS = ['t0', 't1', 't2'];

function randomHistory(random: Random): History {
  const clock = { seconds: 0 };
  const make = {
    [TICKETS]: (id: number) => ticket(random, id, clock),
    [EVENTS]: () => event(random),
    [PEOPLE]: (id: number) => person(random, id),
    [NOTES]: (id: number) => note(random, id),
  } as const;
  const commit = (table: TableName, rows: readonly number[], isSmall: boolean): Commit => ({
    table,
    isSmall,
    rows: rows.map((id) => make[table]!(id)),
    deleted: [],
  });
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const some = (count: number): number[] => upTo(count).filter(() => random.chance(0.3));
  const steps: (Commit | 'compact')[] = [
    commit(TICKETS, upTo(24), false),
    commit(EVENTS, upTo(16), false),
    commit(PEOPLE, upTo(9), false),
    commit(NOTES, upTo(8), true),
  ];
  for (let more = 1 + random.below(4); more > 0; more--) {
    const table = random.pick([TICKETS, TICKETS, EVENTS, PEOPLE, NOTES]);
    const changed = commit(table, [...new Set([1, ...some(30)])], table === NOTES || random.chance(0.3));
    steps.push(changed);
    if (random.chance(0.3)) steps.push('compact');
    if (table === EVENTS || random.chance(0.5)) continue;
    const gone = changed.rows.filter(() => random.chance(0.5));
    if (gone.length === 0) continue;
    const isSmall = table === NOTES;
    const deleted = gone.map((row) => ({
      id: row.id ?? null,
      ...(table === TICKETS ? { changed: later(clock) } : {}),
    }));
    steps.push({ table, isSmall, rows: [], deleted });
  }
  if (random.chance(0.3)) steps.push('compact');
  return steps;
}

interface Seconds {
  seconds: number;
}

const later = (clock: Seconds): string =>
  new Date(Date.UTC(2026, 0, 1) + 1000 * clock.seconds++).toISOString().replace('.000Z', 'Z');

function ticket(random: Random, id: number, clock: Seconds): Row {
  const maybe = (value: () => JsonValue): JsonValue => (random.chance(0.15) ? null : value());
  const mail = someMail(random);
  return {
    id: `k${id}`,
    title: words(random, 1 + random.below(3)),
    body: maybe(() =>
      random.chance(0.4) ? `${words(random, 3)} ${mail} ${someWord(random)}` : words(random, 5),
    ),
    team: random.pick(TEAMS),
    // Not all of them are numbers: a cast fails on some.
    code: random.chance(0.8) ? String(random.below(100)) : `x${random.below(9)}`,
    mail: maybe(() => mail),
    size: maybe(() => random.below(100)),
    price: maybe(() => `${random.below(50)}.${10 + random.below(90)}`),
    at: maybe(() => `2026-0${1 + random.below(9)}-01T00:00:0${random.below(9)}Z`),
    ok: maybe(() => random.chance(0.5)),
    user: maybe(() => ({ login: `u${random.below(5)}`, age: maybe(() => 20 + random.below(9)) })),
    tags: maybe(() => random.many(random.below(3), () => someWord(random))),
    changed: later(clock),
  };
}

const event = (random: Random): Row => ({
  ticket: `k${random.below(30)}`,
  text: words(random, 1 + random.below(5)),
  n: random.chance(0.1) ? '9007199254740993' : random.below(10),
  day: `2026-02-0${1 + random.below(9)}`,
});

const person = (random: Random, id: number): Row => ({
  id,
  mail: `ada${id % 9}@example.org`,
  name: `${someWord(random)} ${id}`,
  team: random.pick(TEAMS),
});

const note = (random: Random, id: number): Row => ({
  id: `n${id}`,
  subject: random.pick(['ada', 'bob', null]),
  text: words(random, 2 + random.below(5)),
  tags: random.many(random.below(3), () => someWord(random)),
  metadata: random.pick([null, { a: 1 }, { b: 'x' }]),
  source: null,
  created: '2026-01-01T00:00:00Z',
  superseded: random.chance(0.2) ? '2026-02-01T00:00:00Z' : null,
});

// Policies

const FILTERS: Readonly<Record<string, readonly string[]>> = {
  [TICKETS]: [
    "team = 't0'",
    "team <> 't2'",
    'size < 60',
    'size is not null',
    "title like '%r%'",
    "id <> 'k3' and ok is not false",
    "user.login in ('u0', 'u1', 'u2')",
    "at >= '2026-03-01T00:00:00Z' or team = 't1'",
    "mail = 'ada1@example.org' or size > 20",
    'price > 10.5',
    "code = 'x1' or not (code like 'x%')",
  ],
  [EVENTS]: ['n < 7', "text like '%e%'", "day > '2026-02-03'", "ticket like 'k1%' or n > 3"],
  [PEOPLE]: ["team = 't1'", 'id < 6', "name like '%r%'"],
  [NOTES]: ["subject = 'ada'", 'superseded is null', "text like '%r%'"],
};
export const someFilter = (random: Random, table: string): string => random.pick(FILTERS[table]!);

const PATHS: Readonly<Record<string, readonly string[]>> = {
  [TICKETS]: [
    'title',
    'body',
    'team',
    'code',
    'mail',
    'size',
    'price',
    'at',
    'ok',
    'user',
    'user.login',
    'user.age',
    'tags',
    'changed',
    'id',
  ],
  [EVENTS]: ['ticket', 'text', 'n', 'day'],
  [PEOPLE]: ['mail', 'name', 'team', 'id'],
  [NOTES]: ['subject', 'text', 'tags', 'metadata', 'id'],
};

const NAMES = Object.keys(PATHS);
const TAGS: readonly ZoneTag[] = [['local:device'], ['local:*', 'on-prem:*'], ['public-cloud:*']];
const PII: readonly PiiType[] = ['email', 'phone', 'name', 'other', 'credit_card'];
const PHI_ZONES: ZoneTag = ['local:*', 'on-prem:*'];

function randomWorld(random: Random): Readonly<Record<string, NaiveFacts>> {
  return Object.fromEntries(NAMES.map((table) => [table, randomFacts(random, table)]));
}

/** Memory's tables have no place in a manifest but policies. */
function randomFacts(random: Random, table: string): NaiveFacts {
  const columnFacts: Record<string, NaiveFacts['columns'][string]> = {};
  if (table !== NOTES) {
    for (const path of PATHS[table]!.filter((one) => !one.includes('.') && random.chance(0.1))) {
      const pii = random.chance(0.2) ? 'phi' : random.pick(PII);
      const tags = [
        ...(pii === 'phi' ? [PHI_ZONES] : []),
        ...(random.chance(0.2) ? [random.pick(TAGS)] : []),
      ];
      columnFacts[path] = { pii, ...(tags.length > 0 ? { tags } : {}) };
    }
  }
  if (table === PEOPLE) columnFacts.mail = { ...columnFacts.mail, pii: QUOTING.piiType };
  if (table === QUOTING.table)
    columnFacts[QUOTING.column] = { ...columnFacts[QUOTING.column], contains: [QUOTING.of] };
  return {
    policies: random.many(random.pick([0, 0, 1, 1, 2]), () => randomPolicy(random, table)),
    tableTags: table !== NOTES && random.chance(0.05) ? [random.pick(TAGS)] : [],
    columns: columnFacts,
  };
}

const randomPolicy = (random: Random, table: string): PolicySpec => ({
  table: parseTableName(table),
  rows: random.chance(0.4) ? someFilter(random, table) : undefined,
  columns: somePaths(random, table).map((name) => ({ name, action: random.pick(COLUMN_ACTIONS) })),
  minGroup: random.chance(0.06) ? 1 + random.below(4) : undefined,
});

/** The key seldom. */
function somePaths(random: Random, table: string): string[] {
  const paths = random.many(random.pick([0, 0, 1, 2]), () => random.pick(PATHS[table]!));
  return [...new Set(paths)].filter((path) => path !== 'id' || random.chance(0.5));
}

// Tokens

const ZONES = ['local:device', 'local:device', 'on-prem:rack1', 'public-cloud:x', undefined];
/** All let the built-in model read a question. */
const ZONE_LISTS = [['local:*'], ['local:*', 'on-prem:*'], ['local:*', 'public-cloud:*', 'on-prem:*']];

/** Of a token that was passed on some times, as the gatekeeper reads it. */
function randomGrant(random: Random): Grant {
  const rights = randomRights(random);
  // A token that is left to a table it does not have is not made.
  let left = NAMES.filter((name) => rights.some(({ table }) => table === '*' || table === name));
  const block = (): Restrictions => {
    const made = randomBlock(random, left);
    left = left.filter((name) => made.tables?.includes(name) !== false);
    return made;
  };
  const issued = issueToken(
    {
      agent: 'lead',
      zone: random.pick(ZONES),
      rights,
      restrictions: random.chance(0.5) ? block() : NO_RESTRICTIONS,
    },
    KEY,
  );
  const blocks = random.many(
    random.pick([0, 1, 1, 2, 3]),
    (i): Attenuation => ({
      ...block(),
      ...(random.chance(0.06) ? { zones: random.pick(ZONE_LISTS) } : {}),
      delegate: { agent: `sub${i}` },
    }),
  );
  const { token } = attenuateToken(issued.token, blocks);
  return gatekeeper.verify(token).grant;
}

const gatekeeper = createGatekeeper({
  publicKeys: () => [KEY.publicKey],
  clock: realClock,
  revocations: { isRevoked: () => false },
});

function randomRights(random: Random): readonly Right[] {
  if (random.chance(0.5)) return ACTIONS.map((action) => ({ table: '*', action }));
  return NAMES.flatMap((table) =>
    random
      .pick<readonly Right['action'][]>([
        ['read', 'search'],
        ['read', 'search'],
        ['read', 'search'],
        ['read', 'search'],
        ['read'],
        ['aggregate'],
        ['aggregate', 'search'],
        ['search'],
        ['write'],
        [],
      ])
      .map((action) => ({ table, action })),
  );
}

function randomBlock(random: Random, left: readonly string[]): Restrictions {
  const table = (): string => random.pick([...NAMES, TICKETS, TICKETS, TICKETS, TICKETS]);
  const some = <T>(probability: number, make: () => T): T[] =>
    random.chance(probability) ? random.many(1 + random.below(2), make) : [];
  const about = <T>(make: (name: string) => T): T => make(table());
  return {
    ...(left.length > 0 && random.chance(0.07)
      ? { tables: [...new Set([random.pick(left), random.pick(left)])] }
      : {}),
    rows: some(0.5, () => about((name) => ({ table: name, predicate: someFilter(random, name) }))),
    columns: some(0.1, () =>
      about((name) => ({
        table: name,
        names: ['id', 'title', 'text', ...random.many(3, () => random.pick(PATHS[name]!))],
      })),
    ),
    actions: [
      ...some(0.4, () =>
        about((name) => ({
          table: name,
          column: random.pick(PATHS[name]!.filter((path) => path !== 'id')),
          action: random.pick(COLUMN_ACTIONS),
        })),
      ),
      ...some(0.3, () => ({
        table: random.pick([TICKETS, TICKETS, PEOPLE, NOTES]),
        column: 'id',
        action: random.pick([
          'hash',
          'hash',
          'hash',
          'tokenize',
          'tokenize',
          'tokenize',
          'mask',
          'deny',
        ] as const),
      })),
    ],
    minGroups: some(0.04, () => about((name) => ({ table: name, rows: 1 + random.below(4) }))),
  };
}

// The manifest

function tomlOf(world: Readonly<Record<string, NaiveFacts>>): string {
  const tables = Object.entries(world).filter(([name]) => name !== NOTES);
  const lines = [
    '[project]',
    'name = "demo"',
    '[[pipeline]]',
    'id = "p"',
    'source = { connector = "file" }',
    ...tables.flatMap(([name, facts]) => tableToml(name, facts)),
    ...Object.values(world).flatMap(({ policies }) => policies.flatMap(policyToml)),
  ];
  return lines.join('\n');
}

const text = (value: unknown): string => JSON.stringify(value);

function tableToml(name: string, { tableTags, columns: facts }: NaiveFacts): readonly string[] {
  const [tag] = tableTags;
  return [
    '[[pipeline.tables]]',
    `source = ${text(name)}`,
    `name = ${text(name)}`,
    ...(tag === undefined ? [] : [`inference_zone_allowed = ${text(tag)}`]),
    ...Object.entries(facts).map(([column, { pii, tags = [], contains }]) => {
      const own = tags.filter((one) => !(pii === 'phi' && one === PHI_ZONES));
      const members = [
        ...(pii === undefined ? [] : [`pii_type = ${text(pii)}`]),
        ...(own[0] === undefined ? [] : [`inference_zone_allowed = ${text(own[0])}`]),
        ...(contains === undefined ? [] : [`contains = ${text(contains)}`]),
      ];
      return `columns.${text(column)} = { ${members.join(', ')} }`;
    }),
  ];
}

function policyToml({ table, rows, columns: acted, minGroup }: PolicySpec): readonly string[] {
  return [
    '[[policy]]',
    `table = ${text(table)}`,
    ...(rows === undefined ? [] : [`rows = ${text(rows)}`]),
    ...(acted.length === 0
      ? []
      : [`columns = { ${acted.map(({ name, action }) => `${text(name)} = ${text(action)}`).join(', ')} }`]),
    ...(minGroup === undefined ? [] : [`min_group = ${minGroup}`]),
  ];
}
