/** Numbers from a seed, 0 to 1. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A table in FROM as the test knows it. */
interface Reference {
  readonly alias: string;
  /** The cited view behind it. */
  readonly view: string;
  readonly columns: readonly string[];
  /** Columns that tell its rows apart. */
  readonly key: readonly string[];
  readonly mayBeAbsent: boolean;
}

export interface RandomQuery {
  readonly sql: string;
  readonly isPlain: boolean;
  /** Whether its rows have one order only. */
  readonly isOrdered: boolean;
  /** By index in the answer: the view and the column of it that is there unchanged. */
  readonly copies: ReadonlyMap<number, { readonly view: string; readonly column: string }>;
  /** How many rows each row of the answer was made of; undefined where an outer join leaves it open. */
  readonly sources: number | undefined;
}

const VIEWS: Readonly<
  Record<string, { readonly columns: readonly string[]; readonly key: readonly string[] }>
> = {
  tickets: {
    columns: ['id', 'account_id', 'subject', 'status', 'priority', 'created_at', 'tags', 'amount', 'score'],
    key: ['id'],
  },
  accounts: { columns: ['id', 'name', 'region', 'risk'], key: ['id'] },
  prices: { columns: ['ticker', 'ts', 'price'], key: ['ticker', 'ts'] },
};

export function randomQuery(seed: number): RandomQuery {
  const random = randomFrom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const chance = (p: number): boolean => random() < p;
  let names = 0;
  const ctes: string[] = [];

  const wrapped = (view: string, sql: string): string => {
    const where = chance(0.5) ? ` WHERE ${condition(view, '')}` : '';
    const inner = `SELECT ${chance(0.5) ? '*' : (VIEWS[view]?.columns ?? []).join(', ')} FROM ${sql}${where}`;
    if (chance(0.4)) return `(${inner})`;
    const name = `c${++names}`;
    ctes.push(`${name} AS ${pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(${inner})`);
    return name;
  };

  const condition = (view: string, alias: string): string => {
    const of = alias === '' ? '' : `${alias}.`;
    switch (view) {
      case 'tickets':
        return pick([
          `${of}priority > 1`,
          `${of}status = 'open'`,
          `${of}score IS NOT NULL AND ${of}amount < 10.5`,
          `${of}subject LIKE '%leak%' OR ${of}id IN (1, 4, 9)`,
          `EXISTS (SELECT * FROM accounts x WHERE x.id = ${of}account_id AND x.risk > 0.3)`,
          `${of}account_id IN (SELECT id FROM accounts WHERE region = 'EU')`,
          `${of}id IN (SELECT id FROM hits)`,
          `len(${of}tags) > 0`,
        ]);
      case 'accounts':
        return pick([
          `${of}risk >= 0.25`,
          `${of}region <> 'US'`,
          `${of}id < 3`,
          `starts_with(${of}name, 'acc')`,
        ]);
      default:
        return pick([`${of}price > 3`, `${of}ticker = 't0'`, `${of}ts > TIMESTAMP '2024-01-01 02:00:00'`]);
    }
  };

  const reference = (view: string, mayBeAbsent: boolean): { reference: Reference; sql: string } => {
    const alias = chance(0.7) ? `r${++names}` : '';
    let source = chance(0.3) ? `"${view}"` : view;
    for (let depth = 0; chance(0.35) && depth < 2; depth++) source = wrapped(view, source);
    const name = alias || (source.startsWith('(') ? `r${++names}` : source.replaceAll('"', ''));
    const { columns, key } = VIEWS[view] ?? { columns: [], key: [] };
    return {
      sql: name === source ? source : `${source} ${chance(0.5) ? 'AS ' : ''}${name}`,
      reference: { alias: name, view, columns, key, mayBeAbsent },
    };
  };

  const references: Reference[] = [];
  const first = reference(pick(['tickets', 'tickets', 'accounts', 'prices']), false);
  references.push(first.reference);
  let from = first.sql;
  let using = '';
  const has = (view: string): Reference | undefined => references.find((other) => other.view === view);
  const tickets = has('tickets');
  if (tickets && chance(0.5)) {
    const join = pick(['JOIN', 'LEFT JOIN', 'SEMI JOIN', 'ANTI JOIN', ',', 'FULL JOIN', 'RIGHT JOIN']);
    const second = reference('accounts', join.startsWith('LEFT') || join.startsWith('FULL'));
    const on = `${second.reference.alias}.id = ${tickets.alias}.account_id`;
    const isShort = second.reference.alias === tickets.alias;
    if (!isShort) {
      if (join === ',') from = `${from}, ${second.sql} WHERE ${on}`;
      else from = `${from} ${join} ${second.sql} ON ${on}`;
      if (join === 'FULL JOIN' || join === 'RIGHT JOIN') references[0] = { ...tickets, mayBeAbsent: true };
      if (join !== 'SEMI JOIN' && join !== 'ANTI JOIN') references.push(second.reference);
    }
  } else if (tickets && chance(0.4)) {
    from = `${chance(0.5) ? 'hits' : 'hits h'} JOIN ${from} USING (id)`;
    using = 'id';
  } else if (chance(0.2)) {
    const second = reference(first.reference.view, false);
    if (second.reference.alias !== first.reference.alias) {
      const same = first.reference.key
        .map((column) => `${first.reference.alias}.${column} <= ${second.reference.alias}.${column}`)
        .join(' AND ');
      from = `${from} JOIN ${second.sql} ON ${same}`;
      references.push(second.reference);
    }
  }
  const filtered = pick(references);
  const and = from.includes(' WHERE ') && !from.includes('(SELECT') ? 'AND' : 'WHERE';
  const where =
    chance(0.6) && !from.includes(' WHERE ') ? ` ${and} ${condition(filtered.view, filtered.alias)}` : '';

  const withClause = (sql: string): string => (ctes.length > 0 ? `WITH ${ctes.join(', ')} ${sql}` : sql);
  const one = references[0] as Reference;
  if (chance(0.2)) {
    const group = one.columns[1] ?? 'id';
    const list = pick([
      `count(*) AS n`,
      `${one.alias}.${group}, count(*) AS n`,
      `DISTINCT ${one.alias}.${group}`,
      `${one.alias}.${group}, row_number() OVER (PARTITION BY ${one.alias}.${group}) AS n`,
    ]);
    const by = list.includes(', count') ? ` GROUP BY ${chance(0.5) ? 'ALL' : '1'}` : '';
    return {
      sql: withClause(`SELECT ${list} FROM ${from}${where}${by}`),
      isPlain: false,
      isOrdered: false,
      copies: new Map(),
      sources: undefined,
    };
  }

  const copies = new Map<number, { view: string; column: string }>();
  const list: string[] = [];
  let width = 0;
  const addKeys = (): void => {
    for (const { alias, view, key } of references) {
      for (const column of key) {
        if (column !== using) copies.set(width, { view, column });
        list.push(`${alias}.${column}`);
        width++;
      }
    }
  };
  addKeys();
  const keys = width;
  for (let extra = Math.floor(random() * 4); extra > 0; extra--) {
    const { alias, view, columns } = pick(references);
    const column = pick(columns);
    if (chance(0.2)) list.push(`${alias}.${column} IS NULL AS "is ${column}"`);
    else {
      copies.set(width, { view, column });
      list.push(`${alias}.${column}${chance(0.3) ? ` AS ${pick(['a', 'b', '"x y"', 'id'])}` : ''}`);
    }
    width++;
  }
  if (chance(0.25)) list.push(pick(['*', `${one.alias}.*`, '42 AS answer', "upper('x')"]));
  const positions = Array.from({ length: keys }, (_, i) => `${i + 1}${pick(['', ' DESC', ' NULLS FIRST'])}`);
  const isOrdered = chance(0.7);
  const order = isOrdered ? ` ORDER BY ${positions.join(', ')}` : '';
  const limit =
    isOrdered && chance(0.4) ? ` LIMIT ${Math.floor(random() * 8)}${pick(['', ' OFFSET 2'])}` : '';
  return {
    sql: withClause(`SELECT ${list.join(', ')} FROM ${from}${where}${order}${limit}`),
    isPlain: true,
    isOrdered,
    copies,
    sources: references.some(({ mayBeAbsent }) => mayBeAbsent) ? undefined : references.length,
  };
}
