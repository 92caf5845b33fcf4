import { BUILT_IN_DIMS, BUILT_IN_MODEL, EMBEDDING_DEFAULTS, TABLE_DEFAULTS } from '@hakiri/core';
import { keyTable, type Schema } from './key-tables.ts';

interface Section {
  readonly title: string;
  readonly schema: (manifest: Schema) => Schema | undefined;
  /** What has to stand above the examples, all of them together, to make them a manifest. */
  readonly above: string;
  readonly defaults?: Readonly<Record<string, string>>;
  readonly examples: Readonly<Record<string, string>>;
  /** Keys that exclude each other: the second is left out where all examples stand together. */
  readonly alternatives?: readonly (readonly [string, string])[];
}

const pipelineOf = (manifest: Schema) => manifest.properties?.pipeline?.items;
const tableOf = (manifest: Schema) =>
  pipelineOf(manifest)?.properties?.tables?.items?.anyOf?.find(({ properties }) => properties !== undefined);
const columnOf = (manifest: Schema) => {
  const columns = tableOf(manifest)?.properties?.columns?.additionalProperties;
  return typeof columns === 'object' ? columns : undefined;
};

const indexOf = (kind: string) => (manifest: Schema) => {
  const index = tableOf(manifest)?.properties?.indexes?.additionalProperties;
  const kinds = typeof index === 'object' ? (index.oneOf ?? index.anyOf) : undefined;
  return kinds?.find(({ properties }) => properties?.kind?.const === kind);
};
const embeddingOf = (manifest: Schema) => {
  const models = manifest.properties?.embedding?.additionalProperties;
  return typeof models === 'object' ? models : undefined;
};

const DAY_MS = 86_400_000;
const PROJECT = '[project]\nname = "x"\n';
const PIPELINE = `${PROJECT}[[pipeline]]\nid = "x"\n`;
const FILE_PIPELINE = `${PIPELINE}source = { connector = "file", config = { path = "x.csv" } }\n`;

/** Tables of the manifest, each key with an example; the test of the guide reads them as manifests. */
export const MANIFEST_SECTIONS: readonly Section[] = [
  {
    title: 'The file',
    schema: (manifest) => manifest,
    above: '',
    examples: {
      $schema: '"$schema" = "./manifest.schema.json"',
      project: 'project = { name = "demo" }',
      pipeline: '[[pipeline]]',
      transforms: '[[transforms]]',
      embedding: '[embedding."bge-large-en-v1.5"]',
      policy: '[[policy]]',
      policy_test: '[[policy_test]]',
    },
  },
  {
    title: '`[project]`',
    schema: (manifest) => manifest.properties?.project,
    above: '[project]\n',
    examples: { name: 'name = "demo"', public_keys: `public_keys = ["ed25519/${'0'.repeat(64)}"]` },
  },
  {
    title: '`[[pipeline]]`',
    schema: pipelineOf,
    above: `${PROJECT}[[pipeline]]\n`,
    defaults: { secrets: '[]', allow_hosts: '[]', lookback: '"0s"' },
    examples: {
      id: 'id = "github-issues"',
      source: 'source = { connector = "file", config = { path = "*.csv" } }',
      secrets: 'secrets = ["GITHUB_TOKEN"]',
      allow_hosts: 'allow_hosts = ["127.0.0.1:8080"]',
      incremental: 'incremental = "updated_at"',
      lookback: 'lookback = "10m"',
      retention: 'retention = "30d"',
      tombstone_retention: 'tombstone_retention = "90d"',
      schedule: 'schedule = "every 15m"',
      jitter: 'jitter = "30s"',
      inference_zone_allowed: 'inference_zone_allowed = ["local:device", "on-prem:*"]',
      tables: 'tables = ["issues", "releases"]',
      transforms: 'transforms = [{ table = "file_issues", drop = ["url"] }]',
    },
  },
  {
    title: '`source`',
    schema: (manifest) => pipelineOf(manifest)?.properties?.source,
    above: `${PIPELINE}[pipeline.source]\n`,
    examples: {
      connector: 'connector = "github"',
      config: 'config = { repo = "duckdb/duckdb" }',
    },
  },
  {
    title: '`[[pipeline.tables]]`',
    schema: tableOf,
    above: `${FILE_PIPELINE}[[pipeline.tables]]\n`,
    defaults: {
      on_conflict: `"${TABLE_DEFAULTS.onConflict}"`,
      unknown_columns: `"${TABLE_DEFAULTS.unknownColumns}"`,
      commit_every: `"${TABLE_DEFAULTS.commitEveryRows} rows"`,
      max_record: `"${TABLE_DEFAULTS.maxRecordBytes / 1024 ** 2} MB"`,
      retention: `"${TABLE_DEFAULTS.retentionMs / DAY_MS}d"`,
      tombstone_retention: `"${TABLE_DEFAULTS.tombstoneRetentionMs / DAY_MS}d"`,
    },
    examples: {
      source: 'source = "issues"',
      name: 'name = "github_issues"',
      primary_key: 'primary_key = ["id"]',
      mode: 'mode = "append"',
      incremental: 'incremental = "updated_at"',
      on_conflict: 'on_conflict = "json"',
      unknown_columns: 'unknown_columns = "drop"',
      commit_every: 'commit_every = "20000 rows"',
      max_record: 'max_record = "64 MB"',
      access_pattern: 'access_pattern = "by_repo"',
      retention: 'retention = "1d"',
      tombstone_retention: 'tombstone_retention = "180d"',
      subject_columns: 'subject_columns = ["user.login"]',
      agent_description: 'agent_description = "Issues, one row each."',
      columns: 'columns.total = { type = "decimal(18,2)" }',
      inference_zone_allowed: 'inference_zone_allowed = ["local:device"]',
      indexes: 'indexes.words = { kind = "fts", columns = ["title", "body"] }',
    },
  },
  {
    title: '`columns.NAME`',
    schema: columnOf,
    above: `${FILE_PIPELINE}[[pipeline.tables]]\nsource = "y"\nname = "customers"\ncolumns.email = { pii_type = "email" }\n[[pipeline.tables]]\nsource = "x"\n[pipeline.tables.columns.x]\n`,
    examples: {
      type: 'type = "timestamp"',
      pii_type: 'pii_type = "email"',
      on_write: 'on_write = "hash"',
      contains: 'contains = ["customers.email"]',
      agent_hint: 'agent_hint = "In euros."',
      inference_zone_allowed: 'inference_zone_allowed = ["local:device"]',
    },
  },
  {
    title: '`indexes.NAME` with `kind = "fts"`',
    schema: indexOf('fts'),
    above: `${FILE_PIPELINE}[[pipeline.tables]]\nsource = "x"\n[pipeline.tables.indexes.x]\n`,
    alternatives: [['column', 'columns']],
    defaults: { analyzer: '"english"' },
    examples: {
      kind: 'kind = "fts"',
      column: 'column = "body"',
      columns: 'columns = ["title", "body"]',
      analyzer: 'analyzer = "simple"',
    },
  },
  {
    title: '`indexes.NAME` with `kind = "vector"`',
    schema: indexOf('vector'),
    above: `${FILE_PIPELINE}[[pipeline.tables]]\nsource = "x"\n[pipeline.tables.indexes.x]\n`,
    alternatives: [['column', 'columns']],
    defaults: { model: `"${BUILT_IN_MODEL}"`, scan: '"int8"' },
    examples: {
      kind: 'kind = "vector"',
      column: 'column = "body"',
      columns: 'columns = ["title", "body"]',
      model: `model = "${BUILT_IN_MODEL}"`,
      dim: `dim = ${BUILT_IN_DIMS}`,
      scan: 'scan = "float"',
    },
  },
  {
    title: '`[[policy]]`',
    schema: (manifest) => manifest.properties?.policy?.items,
    above: `${PROJECT}[[policy]]\n`,
    examples: {
      table: 'table = "customers"',
      rows: `rows = "region = 'EU'"`,
      columns: 'columns = { email = "mask", "address.street" = "deny" }',
      min_group: 'min_group = 5',
    },
  },
  {
    title: '`[[policy_test]]`',
    schema: (manifest) => manifest.properties?.policy_test?.items,
    above: `${PROJECT}[[policy_test]]\n`,
    examples: {
      name: 'name = "support sees the EU, addresses masked"',
      table: 'table = "customers"',
      as: 'as = { agent = "support", zone = "public-cloud:anthropic", actions = ["read", "search"] }',
      hidden: 'hidden = false',
      sees: 'sees = ["id", "region"]',
      hides: 'hides = ["ssn"]',
      columns: 'columns = { email = "mask", region = "clear" }',
      all_rows: 'all_rows = false',
      min_group: 'min_group = 0',
    },
  },
  {
    title: '`[embedding."MODEL"]`',
    schema: embeddingOf,
    above: `${PROJECT}[embedding."x"]\n`,
    alternatives: [
      ['endpoint', 'folder'],
      ['zone', 'folder'],
      ['secret', 'folder'],
      ['timeout', 'folder'],
    ],
    defaults: {
      batch: String(EMBEDDING_DEFAULTS.batch),
      timeout: `"${EMBEDDING_DEFAULTS.timeoutMs / 1000}s"`,
    },
    examples: {
      endpoint: 'endpoint = "http://127.0.0.1:8080/v1/embeddings"',
      folder: 'folder = "models/bge-small"',
      dim: 'dim = 1024',
      zone: 'zone = "on-prem:rack1"',
      secret: 'secret = "EMBEDDING_KEY"',
      batch: 'batch = 32',
      timeout: 'timeout = "10s"',
      query_prefix: 'query_prefix = "query: "',
      document_prefix: 'document_prefix = "passage: "',
    },
  },
  {
    title: '`[[transforms]]` and `[[pipeline.transforms]]`',
    schema: (manifest) => manifest.properties?.transforms?.items,
    above: `${FILE_PIPELINE}[[transforms]]\n`,
    examples: {
      table: 'table = "github_issues"',
      select: 'select = ["id", "title"]',
      with_columns: 'with_columns = { long = "length(body) > 1000" }',
      filter: `filter = "state <> 'spam'"`,
      rename: 'rename = { html_url = "link" }',
      cast: 'cast = { total = "double" }',
      drop: 'drop = ["url"]',
      explode: 'explode = "labels"',
      unnest: 'unnest = "reactions"',
    },
  },
];

export function manifestKeys(manifest: Schema): string {
  const sections = MANIFEST_SECTIONS.map(({ title, schema, defaults, examples }) => {
    const found = schema(manifest);
    if (found === undefined) throw new Error(`the schema has no ${title}`);
    const intro = found === manifest ? '' : `${found.description ?? ''}\n\n`;
    return `### ${title}\n\n${intro}${keyTable(found, defaults === undefined ? { examples } : { examples, defaults })}`;
  });
  return sections.join('\n\n');
}
