import {
  ACTIONS,
  COLUMN_ACTIONS,
  type Column,
  type ColumnSpec,
  type Grant,
  type JsonValue,
  type LogicalType,
  type Manifest,
  type PolicySpec,
  parseTableName,
  quoteIdentifier,
  quoteLiteral,
  type Restrictions,
  sqlType,
  type Table,
  type TableSchema,
} from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import type { Random } from '../../../../../test/support/random.ts';
import { randomPredicate } from '../../../../../test/support/random-predicate.ts';
import type { NaiveFacts } from '../naive.ts';

export const TABLE = parseTableName('notes');
export const OTHER = parseTableName('people');

export type Row = Readonly<Record<string, JsonValue>>;

export interface Case {
  readonly manifest: Manifest;
  readonly world: Readonly<Record<string, NaiveFacts>>;
  readonly schema: TableSchema;
  readonly rows: readonly Row[];
  readonly grant: Grant;
}

const STRING: LogicalType = { kind: 'string' };

const TYPES: readonly LogicalType[] = [
  STRING,
  STRING,
  STRING,
  { kind: 'int64' },
  { kind: 'double' },
  { kind: 'decimal', precision: 9, scale: 2 },
  { kind: 'boolean' },
  { kind: 'date' },
  { kind: 'time' },
  { kind: 'timestamp' },
  { kind: 'datetime' },
  { kind: 'json' },
  { kind: 'bytes' },
  { kind: 'undecided' },
  { kind: 'list', item: STRING },
  { kind: 'list', item: { kind: 'struct', fields: [{ name: 'e', type: STRING }] } },
];

const NAMES = ['id', 'email', 'Phone', 'user', 'a b', 'note', 'an.other', 'ünï', 'say "x"', "o'k"];
const FIELDS = ['name', 'Login', 'x.y', "it's", 'deep'];

/** In the one JSON form. */
const VALUES: Readonly<Record<string, readonly JsonValue[]>> = {
  string: [
    '',
    'open',
    'ada@example.com',
    'write to ada@example.com or +49 170 1234567',
    '4111 1111 1111 1111',
    'Σ😀',
    '10.0.0.1',
    'a',
  ],
  int64: [0, 1, -7, '9007199254740993'],
  double: [0, 0.5, 1e21, 1e-7, 'NaN', 'Infinity', -2.25],
  decimal: ['1.50', '0.00', '-12.34'],
  boolean: [true, false],
  date: ['2024-02-29', '1969-12-31'],
  time: ['10:30:00', '23:59:59.5'],
  timestamp: ['2024-01-01T00:00:00Z', '1969-12-31T23:59:59.999999Z'],
  datetime: ['2024-01-01T10:30:00.25', '2024-02-29T00:00:00'],
  json: [{ a: 1 }, 'x', 5, [true]],
  bytes: ['YQ==', '/w=='],
};

export function randomCase(random: Random): Case {
  const schema: TableSchema = { columns: randomColumns(random) };
  const paths = allPaths(schema.columns);
  const other: TableSchema = {
    columns: [
      { name: 'email', type: STRING },
      { name: 'phone', type: STRING },
    ],
  };
  const world = {
    [TABLE]: randomFacts(random, TABLE, schema, paths),
    [OTHER]: {
      ...randomFacts(random, OTHER, other, ['email', 'phone']),
      columns: { email: { pii: 'email' }, phone: { pii: 'phone' } },
    },
  } as const satisfies Record<string, NaiveFacts>;
  const makeRow = (): Row =>
    Object.fromEntries(schema.columns.map(({ name, type }) => [name, randomValue(random, type)]));
  return {
    manifest: manifestOf(world),
    world,
    schema,
    rows: random.many(4, makeRow),
    grant: randomGrant(random, schema, paths),
  };
}

/** A FROM item that gives these rows. */
export function rowsSql({ columns }: TableSchema, rows: readonly Row[]): string {
  const tuples = rows.map(
    (row) => `(${columns.map(({ name, type }) => valueSql(row[name] ?? null, type)).join(', ')})`,
  );
  return `(VALUES ${tuples.join(', ')}) AS src(${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})`;
}

function valueSql(value: JsonValue, type: LogicalType): string {
  if (value === null) return `CAST(NULL AS ${sqlType(type)})`;
  switch (type.kind) {
    case 'bytes':
      return `from_base64(${quoteLiteral(String(value))})`;
    case 'json':
      return `CAST(${quoteLiteral(JSON.stringify(value))} AS JSON)`;
    case 'list':
      return `CAST([${(value as JsonValue[]).map((item) => valueSql(item, type.item)).join(', ')}] AS ${sqlType(type)})`;
    case 'struct': {
      const inner = value as { readonly [name: string]: JsonValue };
      const parts = type.fields.map(
        (field) => `${quoteLiteral(field.name)}: ${valueSql(inner[field.name] ?? null, field.type)}`,
      );
      return `CAST({${parts.join(', ')}} AS ${sqlType(type)})`;
    }
    default:
      return `CAST(${quoteLiteral(String(value))} AS ${sqlType(type)})`;
  }
}

function randomColumns(random: Random): Column[] {
  const names = NAMES.filter(() => random.chance(0.5));
  return (names.length > 0 ? names : ['id']).map((name) => ({ name, type: randomType(random, 0) }));
}

function randomType(random: Random, depth: number): LogicalType {
  if (depth < 3 && random.chance(0.25)) {
    const names = FIELDS.filter(() => random.chance(0.5));
    const fields = (names.length > 0 ? names : ['name']).map((name) => ({
      name,
      type: randomType(random, depth + 1),
    }));
    return { kind: 'struct', fields };
  }
  return random.pick(TYPES);
}

function randomValue(random: Random, type: LogicalType): JsonValue {
  if (type.kind === 'undecided' || random.chance(0.15)) return null;
  if (type.kind === 'struct')
    return Object.fromEntries(type.fields.map((field) => [field.name, randomValue(random, field.type)]));
  if (type.kind === 'list') return random.many(random.below(3), () => randomValue(random, type.item));
  return random.pick(VALUES[type.kind] ?? []);
}

/** Of columns and fields, and beyond where they end. */
function allPaths(columns: readonly Column[], prefix = ''): string[] {
  return columns.flatMap(({ name, type }) => {
    const path = prefix + name;
    return type.kind === 'struct'
      ? [path, ...allPaths(type.fields, `${path}.`)]
      : [path, path, path, `${path}.e`];
  });
}

const ZONES = [undefined, 'local:device', 'on-prem:rack1', 'public-cloud:x'];
const TAGS = [['local:device'], ['local:*', 'on-prem:*'], ['public-cloud:*']];

function randomFacts(
  random: Random,
  table: string,
  schema: TableSchema,
  paths: readonly string[],
): NaiveFacts {
  const path = (): string => randomPath(random, paths);
  const columns: Record<string, NaiveFacts['columns'][string]> = {};
  for (let i = random.below(4); i > 0; i--) {
    columns[random.pick(paths)] = {
      ...(random.chance(0.6)
        ? { pii: random.pick(['email', 'phone', 'name', 'other', 'credit_card'] as const) }
        : {}),
      ...(random.chance(0.3) ? { tags: [random.pick(TAGS)] } : {}),
      ...(random.chance(0.4) ? { contains: [`${OTHER}.${random.pick(['email', 'phone'])}`] } : {}),
    };
  }
  // A manifest declares a column once, whatever the case of its letters.
  const once = Object.entries(columns).filter(
    ([name], i, all) => all.findIndex(([other]) => other.toLowerCase() === name.toLowerCase()) === i,
  );
  const policy = (): PolicySpec => ({
    table: parseTableName(table),
    rows: random.chance(0.3) ? predicate(random, schema) : undefined,
    columns: uniqueNames(
      random.many(random.below(3), () => ({ name: path(), action: random.pick(COLUMN_ACTIONS) })),
    ),
    minGroup: random.chance(0.1) ? 1 + random.below(9) : undefined,
  });
  return {
    policies: random.many(random.pick([0, 1, 1, 2]), policy),
    tableTags: random.chance(0.1) ? [random.pick(TAGS)] : [],
    columns: Object.fromEntries(once),
  };
}

function uniqueNames<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  return items.filter(({ name }, i) => items.findIndex((other) => other.name === name) === i);
}

function randomPath(random: Random, paths: readonly string[]): string {
  const path = random.chance(0.03) ? 'nowhere' : random.pick(paths);
  return random.chance(0.1) ? path.toUpperCase() : path;
}

/** Some do not fit the columns, some are no filters at all. */
function predicate(random: Random, schema: TableSchema): string {
  return randomPredicate(random, schema, random.pick([0, 0, 1, 2]));
}

function randomGrant(random: Random, schema: TableSchema, paths: readonly string[]): Grant {
  const path = (): string => randomPath(random, paths);
  const about = (): string => random.pick([TABLE, TABLE, TABLE, TABLE.toUpperCase(), OTHER, '*']);
  const some = <T>(probability: number, make: () => T): T[] =>
    random.chance(probability) ? random.many(1 + random.below(2), make) : [];
  const block = (): Restrictions => ({
    ...(random.chance(0.1) ? { tables: random.pick([[TABLE], [TABLE, OTHER], [OTHER], ['*']]) } : {}),
    rows: some(0.25, () => ({ table: about(), predicate: predicate(random, schema) })),
    columns: some(0.15, () => ({ table: about(), names: random.many(1 + random.below(4), path) })),
    actions: some(0.4, () => ({ table: about(), column: path(), action: random.pick(COLUMN_ACTIONS) })),
    minGroups: some(0.05, () => ({ table: about(), rows: 1 + random.below(20) })),
  });
  const right = () => ({ table: random.pick([TABLE, OTHER, '*']), action: random.pick(ACTIONS) });
  return {
    subject: 'agent',
    principal: { agent: 'agent', delegates: [] },
    rights: [
      ...(random.chance(0.8) ? [{ table: TABLE, action: 'read' as const }] : []),
      ...random.many(random.below(3), right),
    ],
    restrictions: random.many(random.pick([0, 1, 1, 2, 3]), block),
    zone: random.pick(ZONES),
    asOwner: random.chance(0.03),
    tokenIds: [],
    expiresAtMs: undefined,
    digest: 'x',
  };
}

/** As a manifest would say it: what is not asked for here is as the empty manifest has it. */
function manifestOf(world: Readonly<Record<string, NaiveFacts>>): Manifest {
  const [base] = EMPTY.pipelines;
  const [table] = base?.tables ?? [];
  if (base === undefined || table === undefined) throw new Error('the empty manifest has no table');
  const tables = Object.entries(world).map(
    ([name, { columns, tableTags }]): Table => ({
      ...table,
      source: name,
      name: parseTableName(name),
      inferenceZones: tableTags[0],
      columns: Object.entries(columns).map(
        ([column, { pii, tags, contains }]): ColumnSpec => ({
          name: column,
          type: undefined,
          agentHint: undefined,
          piiType: pii,
          onWrite: undefined,
          contains: contains ?? [],
          inferenceZones: tags?.[0],
        }),
      ),
    }),
  );
  return {
    ...EMPTY,
    pipelines: [{ ...base, tables }],
    policies: Object.values(world).flatMap(({ policies }) => policies),
  };
}

const EMPTY = readManifest([
  {
    file: 'hakiri.toml',
    text: '[project]\nname = "x"\n[[pipeline]]\nid = "x"\nsource = { connector = "file" }\ntables = ["x"]\n',
  },
]);
