import { manifestFacts, policyOf, pseudonymsOf, SEES_ALL, type SeenTable, seenTable } from '@hakiri/access';
import {
  BUILT_IN_DIMS,
  BUILT_IN_MODEL,
  type CatalogTable,
  type ColumnAction,
  type Grant,
  type IndexSpec,
  type Manifest,
  OWNER_GRANT,
  type PiiType,
  type Restrictions,
  type TableName,
} from '@hakiri/core';
import type { Random } from '../../../../../test/support/random.ts';
import { withTwins } from '../../../src/indexes/index.ts';
import { columns, type Values } from '../../serve/support/world.ts';

export const TICKETS = 'tickets' as TableName;
export const PSEUDONYMS = pseudonymsOf(Buffer.alloc(32, 9));

export const COLUMNS = columns({
  id: 'string',
  title: 'string',
  body: 'string',
  team: 'string',
  mail: 'string',
  size: 'int32',
});

/** The body may quote mail addresses. */
export const QUOTED: readonly PiiType[] = ['email'];

const DECLARED: readonly IndexSpec[] = [
  { kind: 'fts', name: 'words', columns: ['title', 'body'], analyzer: 'english' },
  vector('near', ['title']),
  vector('whole', ['title', 'body']),
];

export const SPECS = withTwins(DECLARED, (column) => (column === 'body' ? QUOTED : undefined));

function vector(name: string, of: readonly string[]): IndexSpec {
  return {
    kind: 'vector',
    name,
    columns: of,
    model: BUILT_IN_MODEL,
    dims: BUILT_IN_DIMS,
    metric: 'cosine',
    scan: 'int8',
  };
}

const WORDS = 'river mountain harbour lantern copper violin winter engine garden letter'.split(' ');

export function ticket(random: Random, id: number): Values {
  const text = (count: number) => random.many(count, () => random.pick(WORDS)).join(' ');
  const mail = `ada${random.below(9)}@example.org`;
  return {
    id: `k${id}`,
    title: text(1 + random.below(3)),
    body: random.chance(0.4) ? `${text(3)} ${mail} ${text(2)}` : text(1 + random.below(8)),
    team: `t${random.below(3)}`,
    mail,
    size: random.below(100),
  };
}

/** A question of words, a phrase, a beginning, an address that somebody may not read. */
export function question(random: Random): string {
  const word = () => random.pick(WORDS);
  return random.pick([
    () => word(),
    () => `${word()} ${word()}`,
    () => `"${word()} ${word()}"`,
    () => `${word().slice(0, 3)}* ${word()}`,
    () => `+${word()} ${word()}`,
    () => `ada${random.below(9)}@example.org`,
    () => `example ${word()}`,
  ])();
}

/** What somebody holds who sees not all: of the manifest's or the token's making is no difference here. */
export function grantWith(restrictions: Partial<Restrictions>, parts: Partial<Grant> = {}): Grant {
  const block: Restrictions = { rows: [], columns: [], actions: [], minGroups: [], ...restrictions };
  const grant = { ...OWNER_GRANT, restrictions: [block], ...parts };
  return { ...grant, digest: JSON.stringify([grant.rights, grant.restrictions]) };
}

const FILTERS = [
  "team = 't0'",
  'size < 60',
  "title like '%r%'",
  "id <> 'k3'",
  "team <> 't2' and size > 10",
  'size < 0',
];
export const someFilter = (random: Random): string => random.pick(FILTERS);

const ACTIONS: readonly ColumnAction[] = ['deny', 'redact', 'hash', 'tokenize', 'mask'];

/** Whoever may not read it there reads no text that quotes it either. */
export const NO_MAIL = { table: 'people', column: 'mail', action: 'mask' } as const;

export function someGrant(random: Random): Grant {
  const rows = random.chance(0.7) ? [{ table: TICKETS, predicate: random.pick(FILTERS) }] : [];
  const acted = (column: string, actions = ACTIONS, probability = 0.3) =>
    random.chance(probability) ? [{ table: TICKETS, column, action: random.pick(actions) }] : [];
  const actions = [
    ...acted('title', ACTIONS, 0.15),
    ...acted('body', ACTIONS, 0.15),
    ...acted('team'),
    ...acted('mail'),
    ...acted('id', ['hash', 'tokenize']),
    ...(random.chance(0.5) ? [NO_MAIL] : []),
  ];
  // The owner's own searches are compared with others elsewhere.
  return rows.length + actions.length === 0 ? someGrant(random) : grantWith({ rows, actions });
}

const contains: Pick<Manifest, 'pipelines' | 'transforms' | 'policies'> = {
  pipelines: [],
  transforms: [],
  policies: [],
};

/** The body is scrubbed for those who may not read `people.mail`. */
export function policies(table: CatalogTable, grant: Grant): SeenTable | undefined {
  const facts = {
    ...manifestFacts(contains)(table.name),
    quotes: (path: string) => (path === 'body' ? ['people.mail'] : []),
    other: (name: string) => ({
      ...manifestFacts(contains)(name),
      piiType: (): PiiType => 'email',
    }),
  };
  const policy = policyOf(facts, table.schema, grant);
  return policy.kind === 'hidden' ? undefined : seenTable(table, policy, PSEUDONYMS);
}

/** The whole of a table, to somebody who is told no more than one who sees this of it. */
export function modestly({ isWhole, seesAllRows }: SeenTable): (table: CatalogTable) => SeenTable {
  return (table) => ({ ...seenTable(table, SEES_ALL, PSEUDONYMS), isWhole, seesAllRows });
}
