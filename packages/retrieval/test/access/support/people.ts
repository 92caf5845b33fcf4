import { after, type TestContext } from 'node:test';
import { manifestFacts, policyOf, pseudonymsOf, type SeenTable, seenTable } from '@hakiri/access';
import {
  type Action,
  type AuditEvent,
  type AuditSink,
  type CatalogTable,
  type ColumnAction,
  type Grant,
  OWNER_GRANT,
  type Restrictions,
  type Serve,
} from '@hakiri/core';
import type { ServeOptions } from '@hakiri/retrieval';
import { columns, type Values, type World, world } from '../../serve/support/world.ts';

export const PEOPLE = 'people';
export const VISITS = 'visits';
export const PAY = 'pay';
/** To the narrow grant there is no such table. */
export const VAULT = 'vault';

export const PSEUDONYMS = pseudonymsOf(Buffer.alloc(32, 5));

export const SCHEMAS = {
  [PEOPLE]: columns({
    id: 'int64',
    region: 'string',
    name: 'string',
    email: 'string',
    phone: 'string',
    salary: 'int64',
    code: 'string',
    born: 'date',
    acc: 'struct<login: string, level: int32>',
    secret: 'string',
    updated_at: 'timestamp',
  }),
  [VISITS]: columns({ page: 'string', who: 'int64', phone: 'string' }),
  [PAY]: columns({ id: 'int64', dept: 'string', amount: 'int64' }),
  [VAULT]: columns({ id: 'int64', pin: 'string' }),
};

const isEuropean = (id: number): boolean => id % 3 !== 0;

/** Every third is hidden by its region; casts of `code` fail on those alone. */
export const person = (id: number, parts: Values = {}): Values => ({
  id,
  region: isEuropean(id) ? 'EU' : 'US',
  name: `name ${id}`,
  email: `person${id}@example.org`,
  phone: `+49 30 ${1000 + (id % 6)}`,
  salary: 1000 * (id % 7) + id,
  code: isEuropean(id) ? String(id) : `HIDDEN${id}`,
  born: `19${60 + (id % 30)}-02-03`,
  acc: { login: `login${id}`, level: id % 4 },
  secret: `SECRET${id}`,
  updated_at: `2026-01-01T00:00:${String(id % 60).padStart(2, '0')}Z`,
  ...parts,
});

const visit = (i: number): Values => ({
  page: `/p${i % 4}${isEuropean(i) ? '' : '/HIDDEN'}`,
  who: i % 20,
  phone: `+49 30 ${1000 + (i % 6)}`,
});

export const NOTHING: Restrictions = { rows: [], columns: [], actions: [], minGroups: [] };

/** A grant with rights and restrictions of one block. */
export function grantOf(
  rights: Readonly<Record<string, readonly Action[]>>,
  restrictions: Partial<Restrictions> = {},
  more: Partial<Grant> = {},
): Grant {
  const held = Object.entries(rights).flatMap(([table, actions]) =>
    actions.map((action) => ({ table, action })),
  );
  return {
    ...OWNER_GRANT,
    subject: 'agent',
    principal: { agent: 'agent', delegates: [] },
    rights: held,
    restrictions: [{ ...NOTHING, ...restrictions }],
    tokenIds: ['00'],
    digest: JSON.stringify([held, restrictions, more]),
    ...more,
  };
}

const READ: readonly Action[] = ['read', 'search'];
const acted = (column: string, action: ColumnAction) => ({ table: PEOPLE, column, action });

/** Rows of one region, columns acted on in every way, one table of which only aggregates, one that is hidden. */
export const NARROW = grantOf(
  { [PEOPLE]: READ, [VISITS]: READ, [PAY]: ['aggregate'] },
  {
    rows: [
      { table: PEOPLE, predicate: "region = 'EU'" },
      { table: VISITS, predicate: "page not like '%HIDDEN'" },
    ],
    actions: [
      acted('email', 'mask'),
      acted('phone', 'hash'),
      { table: VISITS, column: 'phone', action: 'hash' },
      acted('salary', 'redact'),
      acted('acc.login', 'tokenize'),
      acted('secret', 'deny'),
    ],
  },
);

/** Everything there is, and yet nothing whole: whoever reads what a grant leaves reads it in the same way. */
export const ALL_OF_IT = grantOf(
  { [PEOPLE]: READ, [VISITS]: READ, [PAY]: ['aggregate'] },
  {
    rows: [PEOPLE, VISITS].map((table) => ({ table, predicate: 'TRUE' })),
    minGroups: [],
  },
);

export function policies(table: CatalogTable, grant: Grant): SeenTable | undefined {
  const facts = manifestFacts({ pipelines: [], transforms: [], policies: [] })(table.name);
  const policy = policyOf(facts, table.schema, grant);
  return policy.kind === 'hidden' ? undefined : seenTable(table, policy, PSEUDONYMS);
}

/** What a test is to its world, for one that all tests of a file share. */
const atEnd: (() => unknown)[] = [];
after(async () => {
  for (const end of atEnd.reverse()) await end();
});
export const WHOLE_FILE = { after: (end: () => unknown) => atEnd.push(end) } as unknown as TestContext;

const PEOPLE_ROWS = 30;
const VISIT_ROWS = 24;

const SALARIES = Array.from({ length: 12 }, (_, id) => ({
  id,
  dept: id < 8 ? 'sea' : `d${id}`,
  amount: 100 + id,
}));

/** Part of it compacted, part in newer runs, part in small writes. */
export async function peopled(t: TestContext): Promise<World> {
  const there = await world(t, SCHEMAS);
  await fill(there, {
    people: Array.from({ length: PEOPLE_ROWS }, (_, id) => person(id)),
    visits: Array.from({ length: VISIT_ROWS }, (_, i) => visit(i)),
  });
  await there.run(PAY, SALARIES);
  await there.run(VAULT, [{ id: 1, pin: 'PIN1234' }]);
  return there;
}

/** A store that never held anything but what the grant sees, as it sees it. */
export async function leftTo(t: TestContext, grant: Grant): Promise<World> {
  const left = (table: string, rows: readonly Values[], primaryKey: readonly string[]) => {
    const stored = { name: table, schema: SCHEMAS[table as typeof PEOPLE], mode: 'merge', primaryKey };
    const seen = policies(stored as unknown as CatalogTable, grant);
    return { schema: seen?.schema ?? { columns: [] }, rows: rows.flatMap((row) => seen?.row(row) ?? []) };
  };
  const people = left(
    PEOPLE,
    Array.from({ length: PEOPLE_ROWS }, (_, id) => person(id)),
    ['id'],
  );
  const visits = left(
    VISITS,
    Array.from({ length: VISIT_ROWS }, (_, i) => visit(i)),
    [],
  );
  const there = await world(t, { ...SCHEMAS, [PEOPLE]: people.schema, [VISITS]: visits.schema });
  await fill(there, { people: people.rows as readonly Values[], visits: visits.rows as readonly Values[] });
  await there.run(PAY, SALARIES);
  return there;
}

async function fill(
  there: World,
  { people, visits }: { readonly people: readonly Values[]; readonly visits: readonly Values[] },
): Promise<void> {
  const ids = (from: number, to: number) => people.filter(({ id }) => Number(id) >= from && Number(id) < to);
  await there.run(PEOPLE, ids(0, 15));
  await there.run(VISITS, visits, { mode: 'append', primaryKey: [] });
  await there.compact();
  await there.run(PEOPLE, ids(10, 25));
  await there.write(
    PEOPLE,
    ids(20, PEOPLE_ROWS).map((values) => ({ values })),
  );
}

export interface Audited {
  readonly serve: Serve;
  readonly events: AuditEvent[];
}

export async function served(
  there: World,
  parts: Partial<ServeOptions> = {},
  sink?: Partial<AuditSink>,
): Promise<Audited> {
  const events: AuditEvent[] = [];
  const audit: AuditSink = {
    record: async (event) => {
      events.push(event);
    },
    close: async () => {},
    ...sink,
  };
  return { serve: await there.reopen({ policies, pseudonyms: PSEUDONYMS, audit, ...parts }), events };
}
