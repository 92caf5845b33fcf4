import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  AS_OWNER_GRANT,
  type Grant,
  NO_RESTRICTIONS,
  OWNER_GRANT,
  type Restrictions,
  type Right,
  type TableSchema,
} from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import {
  explainPolicy,
  manifestFacts,
  policyOf,
  pseudonymsOf,
  refusedZones,
  type SeenTable,
  seenTable,
  zoneAllowed,
} from '../../src/index.ts';

const KEYS = pseudonymsOf(Buffer.alloc(32, 7));

const SCHEMA: TableSchema = {
  columns: [
    { name: 'id', type: { kind: 'int64' } },
    { name: 'email', type: { kind: 'string' } },
    { name: 'region', type: { kind: 'string' } },
    {
      name: 'user',
      type: {
        kind: 'struct',
        fields: [
          { name: 'login', type: { kind: 'string' } },
          { name: 'since', type: { kind: 'timestamp' } },
        ],
      },
    },
    { name: 'items', type: { kind: 'list', item: { kind: 'string' } } },
  ],
};

const ROW = {
  id: 1,
  email: 'ada@example.com',
  region: 'EU',
  user: { login: 'ada', since: '2024-01-01T00:00:00Z' },
  items: ['a'],
};

const manifest = (text: string) =>
  readManifest([
    {
      file: 'hakiri.toml',
      text: `[project]\nname = "x"\n[[pipeline]]\nid = "x"\nsource = { connector = "file" }\n${text}`,
    },
  ]);

const LISTED = 'tables = [{ source = "t", name = "t" }]\n';

interface Asked {
  readonly manifest?: string;
  readonly rights?: readonly Right[];
  readonly blocks?: readonly Partial<Restrictions>[];
  readonly zone?: string;
  readonly grant?: Grant;
}

const READ: readonly Right[] = [{ table: 't', action: 'read' }];

function grantOf({ rights = READ, blocks = [], zone, grant }: Asked): Grant {
  if (grant !== undefined) return grant;
  const restrictions = blocks.map((block) => ({ ...NO_RESTRICTIONS, ...block }));
  return { ...OWNER_GRANT, rights, restrictions, zone, digest: 'x' };
}

const policy = (asked: Asked) =>
  policyOf(manifestFacts(manifest(asked.manifest ?? LISTED))('t'), SCHEMA, grantOf(asked));

function seen(asked: Asked): SeenTable {
  const left = policy(asked);
  assert.equal(left.kind, 'visible');
  return seenTable(
    { schema: SCHEMA, primaryKey: ['id'] },
    left as Extract<typeof left, { kind: 'visible' }>,
    KEYS,
  );
}

const T_POLICY = `${LISTED}[[policy]]\ntable = "t"\n`;

describe('whether there is such a table', () => {
  test('without a right on it there is none, and a right to run a pipeline of its name is no such right', () => {
    assert.equal(policy({ rights: [] }).kind, 'hidden');
    assert.equal(policy({ rights: [{ table: 't', action: 'run' }] }).kind, 'hidden');
    assert.equal(policy({ rights: [{ table: '*', action: 'search' }] }).kind, 'visible');
  });

  test('a block that names other tables hides it; one of several names is enough', () => {
    assert.equal(policy({ blocks: [{ tables: ['u'] }] }).kind, 'hidden');
    assert.equal(policy({ blocks: [{ tables: ['u', 't'] }] }).kind, 'visible');
    assert.equal(policy({ blocks: [{ tables: ['u', 't'] }, { tables: ['u'] }] }).kind, 'hidden');
  });

  test('a tag that leaves the zone out hides it, and so does a zone that nobody said', () => {
    const tagged = `inference_zone_allowed = ["local:device"]\n${LISTED}`;
    assert.equal(policy({ manifest: tagged, zone: 'public-cloud:x' }).kind, 'hidden');
    assert.equal(policy({ manifest: tagged }).kind, 'hidden');
    assert.equal(policy({ manifest: tagged, zone: 'local:device' }).kind, 'visible');
    assert.equal(
      policy({ manifest: tagged, grant: { ...AS_OWNER_GRANT, zone: 'public-cloud:x' } }).kind,
      'visible',
    );
  });
});

describe('which rows', () => {
  test('filters of the manifest and of all blocks hold together', () => {
    const rows = (predicate: string) => ({ rows: [{ table: 't', predicate }] });
    const asked = {
      manifest: `${T_POLICY}rows = "region = 'EU'"\n`,
      blocks: [rows('id < 5'), rows('id > 0')],
    };
    assert.deepEqual(seen(asked).row(ROW), ROW);
    assert.equal(seen(asked).row({ ...ROW, region: 'US' }), undefined);
    assert.equal(
      seen(asked).row({ ...ROW, region: null }),
      undefined,
      'what is not known to be true is not seen',
    );
    assert.equal(seen(asked).row({ ...ROW, id: 5 }), undefined);
  });

  test('the authority filters by what it masks; a later block by what is left, so that it cannot probe', () => {
    const rows = [{ table: 't', predicate: "email = 'ada@example.com'" }];
    const actions = [{ table: 't', column: 'email', action: 'mask' as const }];
    assert.equal(seen({ blocks: [{ rows, actions }] }).row(ROW)?.email, '***');
    assert.equal(seen({ blocks: [{ actions }, { rows }] }).row(ROW), undefined);
    const masked = [{ table: 't', predicate: "email = '***'" }];
    assert.equal(seen({ blocks: [{ actions }, { rows: masked }] }).row(ROW)?.email, '***');
  });

  test('a filter that does not go with the columns lets no row pass, and who asks is told why', () => {
    for (const predicate of ['nope = 1', "id = 'x'", '((']) {
      const asked = { blocks: [{ rows: [{ table: 't', predicate }] }] };
      assert.equal(seen(asked).row(ROW), undefined);
      assert.match(seen(asked).select('t', { passing: [], isBarrier: false }), /WHERE \(FALSE\)/);
      const left = policy(asked);
      assert.ok(left.kind === 'visible' && explainPolicy(SCHEMA, left).rows[0]?.problem !== undefined);
    }
  });

  test('a filter over a denied column lets no row pass', () => {
    const blocks = [
      { actions: [{ table: 't', column: 'region', action: 'deny' as const }] },
      { rows: [{ table: 't', predicate: "region IS NULL OR region = 'EU'" }] },
    ];
    assert.equal(seen({ blocks }).row(ROW), undefined);
  });

  test('a filter over a field of a struct that is redacted as a whole sees null, whatever type is left', () => {
    const blocks = [
      {
        actions: [
          { table: 't', column: 'user', action: 'redact' as const },
          { table: 't', column: 'user.since', action: 'hash' as const },
        ],
      },
      { rows: [{ table: 't', predicate: 'user.since IS NULL' }] },
    ];
    assert.deepEqual(seen({ blocks }).row(ROW)?.user, null);
    assert.doesNotMatch(seen({ blocks }).select('t', { passing: [], isBarrier: false }), /sha256/);
  });
});

describe('which columns', () => {
  const act = (column: string, action: 'deny' | 'redact' | 'hash' | 'tokenize' | 'mask') => ({
    actions: [{ table: 't', column, action }],
  });

  test('of several actions the strongest holds, wherever it stands', () => {
    const order = ['mask', 'tokenize', 'hash', 'redact', 'deny'] as const;
    order.forEach((stronger, i) => {
      for (const weaker of order.slice(0, i)) {
        const asked = {
          manifest: `${T_POLICY}columns.email = "${weaker}"\n`,
          blocks: [act('EMAIL', stronger)],
        };
        const left = policy(asked);
        assert.equal(left.kind === 'visible' && left.columns[0]?.effect.kind, stronger);
      }
    });
  });

  test('a denied column is not there; a struct whose fields are all denied neither', () => {
    const names = (table: SeenTable) => table.schema.columns.map(({ name }) => name);
    assert.deepEqual(names(seen({ blocks: [act('email', 'deny')] })), ['id', 'region', 'user', 'items']);
    const fields = [act('user.login', 'deny'), act('user.since', 'deny')];
    assert.deepEqual(names(seen({ blocks: fields })), ['id', 'email', 'region', 'items']);
  });

  test('what lies where no rule reaches takes the column with it', () => {
    const table = seen({ blocks: [act('items.secret', 'mask')] });
    assert.ok(!table.schema.columns.some(({ name }) => name === 'items'));
  });

  test('an allow list leaves what it names, within structs as well', () => {
    const table = seen({ blocks: [{ columns: [{ table: 't', names: ['ID', 'user.login'] }] }] });
    assert.deepEqual(table.row(ROW), { id: 1, user: { login: 'ada' } });
    assert.deepEqual(seen({ blocks: [{ columns: [{ table: 't', names: ['user'] }] }] }).row(ROW), {
      user: ROW.user,
    });
  });

  test('a rule of a column that is not there yet changes nothing, and is told', () => {
    const left = policy({ manifest: `${T_POLICY}columns.later = "deny"\n` });
    assert.ok(left.kind === 'visible');
    assert.deepEqual(
      explainPolicy(SCHEMA, left).idle.map(({ path }) => path),
      ['later'],
    );
    assert.deepEqual(seen({ manifest: `${T_POLICY}columns.later = "deny"\n` }).row(ROW), ROW);
  });

  test('of a key is said what is left of it', () => {
    assert.equal(seen({}).key, 'clear');
    assert.equal(seen({ blocks: [act('id', 'hash')] }).key, 'renamed');
    assert.equal(seen({ blocks: [act('id', 'tokenize')] }).key, 'renamed');
    for (const action of ['mask', 'redact', 'deny'] as const) {
      assert.equal(seen({ blocks: [act('id', action)] }).key, 'hidden');
    }
  });

  test('what is done to columns is told by path, what is not there is not', () => {
    const blocks = [act('email', 'mask'), act('user.login', 'hash'), act('region', 'deny')];
    assert.deepEqual(seen({ blocks }).acted, [
      { column: 'email', action: 'mask' },
      { column: 'user.login', action: 'hash' },
    ]);
  });

  test('phi stays with models here and on premises, whatever else is said', () => {
    const text =
      '[[pipeline.tables]]\nsource = "t"\nname = "t"\ncolumns.email = { pii_type = "phi", inference_zone_allowed = ["public-cloud:*", "local:*"] }\n';
    const served = (zone: string) =>
      seen({ manifest: text, zone }).schema.columns.some(({ name }) => name === 'email');
    assert.ok(served('local:device'));
    assert.ok(!served('public-cloud:x'));
    assert.ok(!served('on-prem:rack1'), 'both tags hold');
  });
});

describe('groups', () => {
  test('the greatest number of all holds; who may only aggregate has five unless one is given', () => {
    const aggregate: readonly Right[] = [{ table: 't', action: 'aggregate' }];
    const groups = (rows: number) => ({ minGroups: [{ table: 't', rows }] });
    assert.equal(seen({ rights: aggregate }).minGroup, 5);
    assert.equal(seen({ rights: aggregate, blocks: [groups(2)] }).minGroup, 2);
    assert.equal(seen({ manifest: `${T_POLICY}min_group = 7\n`, blocks: [groups(2)] }).minGroup, 7);
    assert.equal(seen({}).minGroup, undefined);
    assert.ok(!seen({ blocks: [groups(2)] }).canRead);
  });
});

describe('texts that quote', () => {
  const TEXT = `
  [[pipeline.tables]]
  source = "t"
  name = "t"
  columns.region = { contains = ["people.email"] }
  [[pipeline.tables]]
  source = "p"
  name = "people"
  columns.email = { pii_type = "email" }
`;
  const both: readonly Right[] = [...READ, { table: 'people', action: 'read' }];
  const quoting = { ...ROW, region: 'as ada@example.com said' };
  const region = (asked: Asked) => seen({ manifest: TEXT, ...asked }).row(quoting)?.region;

  test('are whole for those who read in clear what they quote', () => {
    assert.equal(region({ rights: both }), quoting.region);
    assert.equal(region({ grant: OWNER_GRANT }), quoting.region);
  });

  test('have it cut out for all others', () => {
    const people = (restrictions: Partial<Restrictions>) => ({ rights: both, blocks: [restrictions] });
    const others: readonly Asked[] = [
      {},
      { rights: [...READ, { table: 'people', action: 'aggregate' }] },
      people({ tables: ['t'] }),
      people({ actions: [{ table: 'people', column: 'email', action: 'mask' }] }),
      people({ columns: [{ table: 'people', names: ['id'] }] }),
      people({ rows: [{ table: 'people', predicate: 'id = 1' }] }),
      people({ minGroups: [{ table: 'people', rows: 2 }] }),
      { manifest: `${TEXT}[[policy]]\ntable = "people"\ncolumns.email = "mask"\n`, grant: OWNER_GRANT },
    ];
    for (const asked of others) assert.equal(region(asked), 'as [email] said', JSON.stringify(asked));
    const owned = seen({ manifest: TEXT });
    assert.deepEqual([...owned.scrubbedColumns], ['region']);
    assert.ok(!owned.clearColumns.has('region'));
  });
});

describe('the whole of it', () => {
  test('whoever is kept from nothing gets the statement as it would be written by hand', () => {
    const table = seen({});
    assert.ok(table.isWhole && table.seesAllRows && table.canRead && table.digest === '');
    assert.equal(
      table.select('t', { passing: ['_hakiri_run'], isBarrier: true }),
      'SELECT "id", "email", "region", "user", "items", "_hakiri_run" FROM t',
    );
  });

  test('the owner is under the policies of the manifest, and passes them by only when asked to', () => {
    const text = `${T_POLICY}columns.email = "deny"\n`;
    assert.ok(!seen({ manifest: text, grant: OWNER_GRANT }).isWhole);
    assert.ok(seen({ manifest: text, grant: AS_OWNER_GRANT }).isWhole);
  });

  test('equal digests mean that the same is left; anything else changes it', () => {
    const blocks = (...list: readonly Partial<Restrictions>[]) => seen({ blocks: list }).digest;
    const mask = { actions: [{ table: 't', column: 'email', action: 'mask' as const }] };
    const rows = (predicate: string) => ({ rows: [{ table: 't', predicate }] });
    assert.equal(blocks(mask), blocks({}, mask));
    const all = [
      blocks(),
      blocks(mask),
      blocks(rows('id = 1')),
      blocks(rows('id = 2')),
      blocks(mask, rows('id = 1')),
      blocks({ minGroups: [{ table: 't', rows: 3 }] }),
      seen({ rights: [{ table: 't', action: 'search' }] }).digest,
    ];
    assert.equal(new Set(all).size, all.length);
  });

  test('zones of all blocks hold together', () => {
    const grant = grantOf({
      zone: 'on-prem:a',
      blocks: [{ zones: ['local:*', 'on-prem:*'] }, { zones: ['on-prem:b'] }],
    });
    assert.deepEqual(refusedZones(grant), ['on-prem:b']);
    assert.equal(refusedZones({ ...grant, zone: 'on-prem:b' }), undefined);
    assert.deepEqual(refusedZones({ ...grant, zone: undefined }), ['local:*', 'on-prem:*']);
    assert.ok(zoneAllowed(grant, 'on-prem:b') && !zoneAllowed(grant, 'local:device'));
  });

  test('a table that no manifest names, as those of memory, has rights and policies like any other', () => {
    const facts = manifestFacts(
      manifest(`${LISTED}[[policy]]\ntable = "memory_notes"\nrows = "author = 'me'"\n`),
    );
    const left = policyOf(facts('memory_notes'), SCHEMA, OWNER_GRANT);
    assert.ok(left.kind === 'visible' && left.rows.length === 1);
    assert.equal(policyOf(facts('memory_notes'), SCHEMA, grantOf({})).kind, 'hidden');
  });
});
