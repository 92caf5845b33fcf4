import * as z from 'zod';
import { isHakiriError } from '../errors.ts';
import { PIPELINE_ID_PATTERN, TABLE_NAME_PATTERN } from '../ids.ts';
import { parseAccessPattern } from '../partitioning.ts';
import { PII_TYPES } from '../pii-type.ts';
import type { LogicalType } from '../types/logical-type.ts';
import { parseTypeName } from '../types/parse-type-name.ts';
import { embeddingSchema } from './embedding-schema.ts';
import { indexesSchema, modelName } from './index-schema.ts';
import { columnAction, policySchema, policyTestSchema } from './policy-schema.ts';
import { parseSchedule } from './schedule.ts';
import {
  COLUMN_PATTERN,
  columnName,
  duration,
  inferenceZones,
  inRange,
  listOf,
  patterned,
  secretName,
  text,
} from './schema-parts.ts';
import { BYTE_SIZE_PATTERN, parseByteSize, parseRowCount, ROW_COUNT_PATTERN } from './units.ts';

/**
 * The manifest as it is written, in TOML or JSON: exactly what this build carries out. The text given as `error`
 * is what the place takes; a message reads `expected <error>, got <value>`.
 */

const MAX_LOOKBACK_MS = 366 * 86_400_000;
const MAX_RETENTION_MS = 3660 * 86_400_000;
/** A run that waits for another, or for its machine, is not a late one. */
const MIN_TOMBSTONE_RETENTION_MS = 3_600_000;
const MAX_JITTER_MS = 86_400_000;
const MAX_COMMIT_ROWS = 10_000_000;
const MIN_RECORD_BYTES = 1024;
const MAX_RECORD_BYTES = 1024 ** 3;

const expression = text('an SQL expression');

const typeName = z.string({ error: 'a type such as "int64"' }).check((context) => {
  const problem = typeProblem(context.value);
  if (problem !== undefined) {
    context.issues.push({ code: 'custom', message: problem, input: context.value });
  }
});

function typeProblem(name: string): string | undefined {
  try {
    return isDeclarable(parseTypeName(name)) ? undefined : 'a type that can hold values';
  } catch (error) {
    if (isHakiriError(error)) return `a type such as "int64" or "decimal(18,2)": ${error.message}`;
    throw error;
  }
}

function isDeclarable(type: LogicalType): boolean {
  if (type.kind === 'list') return isDeclarable(type.item);
  if (type.kind === 'struct') {
    return type.fields.length > 0 && type.fields.every((field) => isDeclarable(field.type));
  }
  return type.kind !== 'undecided';
}

const lookback = duration(0, MAX_LOOKBACK_MS, 'a duration of at most 366d');
const retention = duration(0, MAX_RETENTION_MS, 'a duration of at most 3660d');
const tombstoneRetention = duration(
  MIN_TOMBSTONE_RETENTION_MS,
  MAX_RETENTION_MS,
  'a duration of 1h to 3660d',
);

const jitter = duration(0, MAX_JITTER_MS, 'a duration of at most 1d');

const schedule = text('a schedule such as "every 15m"').check((context) => {
  const read = parseSchedule(context.value, 0);
  if ('problem' in read) {
    context.issues.push({ code: 'custom', message: read.problem, input: context.value });
  }
});

const accessPattern = text('an access pattern such as "by_repo"').refine(isAccessPattern, {
  error: 'by_<column>, or recent_<n>d(<time column>) such as "recent_30d(created_at)"',
});

function isAccessPattern(value: string): boolean {
  try {
    return COLUMN_PATTERN.test(parseAccessPattern(value, 'incremental').column);
  } catch (error) {
    if (isHakiriError(error)) return false;
    throw error;
  }
}

const rowCount = patterned(ROW_COUNT_PATTERN, 'a number of rows such as "100000 rows"').refine(
  (value) => inRange(parseRowCount(value), 1, MAX_COMMIT_ROWS),
  { error: `"1 rows" to "${MAX_COMMIT_ROWS} rows"` },
);

const byteSize = patterned(BYTE_SIZE_PATTERN, 'a size such as "16 MB"').refine(
  (value) => inRange(parseByteSize(value), MIN_RECORD_BYTES, MAX_RECORD_BYTES),
  { error: '"1 KB" to "1 GB"' },
);

export const columnSchema = z
  .strictObject(
    {
      type: typeName
        .optional()
        .describe(
          'The type the column has whatever its values look like: boolean, int8, int16, int32, int64, double, decimal(18,2), string, bytes, date, time, timestamp, datetime, json, a list such as string[] or a struct such as struct<a: int64, b: string>. Without it the type is inferred.',
        ),
      pii_type: z
        .enum(PII_TYPES)
        .optional()
        .describe(
          'What kind of value of a person the column holds: how it is masked, and what is looked for in texts that quote it. `phi` (health data) keeps it to models at `local:*` and `on-prem:*`. A table with such a column is sensitive: see `unknown_columns`.',
        ),
      on_write: columnAction
        .optional()
        .describe(
          'What is done to each value before it reaches a file: redact, mask, hash, tokenize or deny. Nothing brings the value back, except of `tokenize` the key.',
        ),
      contains: listOf(
        patterned(/^[a-z][a-z0-9_]{0,62}\.[^\0]{1,255}$/, 'a table and its column such as "customers.email"'),
        'a list of columns such as ["customers.email"]',
      )
        .optional()
        .describe(
          'Columns whose values this text may quote. Whoever does not read those in clear gets the text with everything cut out that looks like one.',
        ),
      agent_hint: text('a text')
        .optional()
        .describe('What an agent should know about the column. Shown by `hakiri describe`.'),
      inference_zone_allowed: inferenceZones
        .optional()
        .describe(
          'Where models may run that the values of the column are sent to: ["local:device", "on-prem:*"]. What the table and the pipeline say holds as well. Default: anywhere.',
        ),
    },
    { error: 'a table such as { type = "int64" }' },
  )
  .describe('What is declared of one column.');

export const tableSchema = z
  .strictObject(
    {
      source: text('the name of a table of the source').describe('The name of the table at the source.'),
      name: patterned(
        TABLE_NAME_PATTERN,
        'a name of lower-case letters, digits and underscores, starting with a letter',
      )
        .optional()
        .describe(
          'The name of the table in the store. Default: connector and source table, `github_issues`.',
        ),
      primary_key: listOf(columnName, 'a list of columns such as ["id"]')
        .optional()
        .describe('The columns that tell one row from another. Default: what the source says.'),
      mode: z
        .enum(['merge', 'append', 'replace'])
        .optional()
        .describe(
          '`merge`: of the rows with one key the newest counts; needs a primary key and is the default where there is one. `append`: every row counts. `replace`: as `merge`, but every run reads the source from the start, and a row that is not there any more is deleted; needs a primary key. `incremental` is not used, and nothing is deleted by a run that stopped early or set records aside.',
        ),
      incremental: columnName
        .optional()
        .describe(
          'The column that grows when a row changes; dots reach into objects. It decides which of two rows is newer. Default: of the pipeline, then what the source says.',
        ),
      on_conflict: z
        .enum(['quarantine', 'json'])
        .optional()
        .describe(
          'What happens when a value does not fit the type of its column. `quarantine` (default): the record is set aside in a file, with the reason. `json`: the column becomes JSON text.',
        ),
      unknown_columns: z
        .enum(['add', 'drop', 'redact'])
        .optional()
        .describe(
          '`add` (default): a key not seen before becomes a column. `drop`: only the columns declared under `columns` are read. `redact` (default once a column has `pii_type` or `on_write`): it becomes a column of nulls, until it is declared.',
        ),
      commit_every: rowCount
        .optional()
        .describe('Rows after which a long pull commits, such as "100000 rows" (default).'),
      max_record: byteSize
        .optional()
        .describe(
          'The largest record taken, such as "16 MB" (default), in powers of 1024. A larger one is set aside.',
        ),
      access_pattern: accessPattern
        .optional()
        .describe(
          'How compaction cuts the table, so that a query for one part of it reads little else: `by_<column>` by the values of a column, `recent_<n>d(<time column>)` into the last n days and an archive; without the brackets the time is that of the incremental column. Default: not at all.',
        ),
      retention: retention
        .optional()
        .describe(
          'How long files that newer ones have superseded are kept, for `query --as-of`. Default: of the pipeline, then "7d".',
        ),
      tombstone_retention: tombstoneRetention
        .optional()
        .describe(
          'How long the table remembers which rows were deleted. A run that comes later than that is refused, since it could bring them back. Default: of the pipeline, then "30d".',
        ),
      subject_columns: listOf(columnName, 'a list of columns such as ["user.login"]')
        .optional()
        .describe(
          'The columns whose values name the person or thing a row is about; dots reach into objects. `hakiri forget --subject` looks there.',
        ),
      agent_description: text('a text')
        .optional()
        .describe('What the table holds, for an agent. Shown by `hakiri tables` and `hakiri describe`.'),
      columns: z
        .record(columnName, columnSchema, { error: 'a table of columns' })
        .optional()
        .describe('What is declared of columns, by name: columns.email = { type = "string" }.'),
      inference_zone_allowed: inferenceZones
        .optional()
        .describe(
          'Where models may run that rows of the table are sent to. What the pipeline says holds as well. Default: anywhere.',
        ),
      indexes: indexesSchema.optional(),
    },
    { error: 'the name of a table or a table such as { source = "issues" }' },
  )
  .describe('One table of a pipeline.');

export const transformSchema = z
  .strictObject(
    {
      table: patterned(TABLE_NAME_PATTERN, 'the name of a table in the store').describe(
        'The table in the store whose rows are transformed before they are written.',
      ),
      select: listOf(columnName, 'a list of columns')
        .optional()
        .describe('Keeps only these columns, in this order.'),
      with_columns: z
        .record(columnName, expression, { error: 'a table of column names and SQL expressions' })
        .optional()
        .describe(
          'Adds columns, or replaces those of the same name, by SQL expressions over the row: { density = "comments / 10" }. All of them see the row as it was before.',
        ),
      filter: expression
        .optional()
        .describe(
          'Keeps the rows for which this SQL condition is true. In a table with a key a row that no longer passes is deleted.',
        ),
      rename: z
        .record(columnName, columnName, { error: 'a table of old names and new names' })
        .optional()
        .describe('Gives columns new names: { old = "new" }.'),
      cast: z
        .record(columnName, typeName, { error: 'a table of column names and types' })
        .optional()
        .describe('Changes the type of columns: { id = "int64" }.'),
      drop: listOf(columnName, 'a list of columns').optional().describe('Leaves these columns out.'),
      explode: columnName
        .optional()
        .describe(
          'Makes one row of each item of this list column. A row whose list is empty or null stays, with null.',
        ),
      unnest: columnName
        .optional()
        .describe('Replaces this struct column by its fields, each a column under its own name.'),
    },
    { error: 'a table such as { table = "github_issues", filter = "..." }' },
  )
  .describe(
    'How the rows of one table are transformed. The verbs are carried out in the order in which they are written; nothing may depend on the clock or on chance.',
  );

export const sourceSchema = z
  .strictObject(
    {
      connector: text('the name of a connector').describe('The connector that reads: http, github or file.'),
      config: z
        .record(z.string(), z.unknown(), { error: 'a table' })
        .optional()
        .describe('What the connector is told: see the page of the source.'),
    },
    { error: 'a table such as { connector = "github", config = { repo = "owner/name" } }' },
  )
  .describe('Where the records come from.');

export const pipelineSchema = z
  .strictObject(
    {
      id: patterned(
        PIPELINE_ID_PATTERN,
        'an id of lower-case letters, digits, dashes and underscores',
      ).describe('The name of the pipeline, unique in the project: `hakiri run ID`.'),
      source: sourceSchema,
      secrets: z
        .array(secretName, {
          error: 'a list of names such as ["GITHUB_TOKEN"]',
        })
        .optional()
        .describe(
          'Names of the secrets the source may use. Their values come from the environment, the secrets file or systemd credentials, never from the manifest.',
        ),
      allow_hosts: z
        .array(text('a host, with or without a port'), {
          error: 'a list of hosts such as ["127.0.0.1:8080"]',
        })
        .optional()
        .describe('Hosts the egress guard lets pass although their address is private, local or reserved.'),
      incremental: columnName
        .optional()
        .describe('The column that grows when a row changes, for every table that does not name its own.'),
      lookback: lookback
        .optional()
        .describe('How far back an incremental run reads again, for rows that were committed late: "10m".'),
      retention: retention
        .optional()
        .describe('`retention` of the tables that do not give their own, such as "30d".'),
      tombstone_retention: tombstoneRetention
        .optional()
        .describe('`tombstone_retention` of the tables that do not give their own, such as "90d".'),
      schedule: schedule
        .optional()
        .describe(
          'When `hakiri serve` runs the pipeline by itself: "every 15m", or a cron expression of five fields (six with the seconds first) in the time of the machine, such as "0 6 * * mon-fri". Default: never.',
        ),
      jitter: jitter
        .optional()
        .describe(
          'A scheduled run starts later by anything up to this, so that many machines do not ask a source at the same moment.',
        ),
      inference_zone_allowed: inferenceZones
        .optional()
        .describe(
          'Where models may run that rows of these tables are sent to, such as ["local:device", "on-prem:*"]. Default: anywhere.',
        ),
      tables: listOf(z.union([text('the name of a table of the source'), tableSchema]), 'a list of tables')
        .optional()
        .describe(
          'The tables to read: names, or tables where the defaults do not serve. Default: every table the source offers by itself.',
        ),
      transforms: z
        .array(transformSchema, { error: 'a list of transforms' })
        .optional()
        .describe("Transforms of this pipeline's tables."),
    },
    { error: 'a table' },
  )
  .refine(({ schedule, jitter }) => jitter === undefined || schedule !== undefined, {
    error: 'no jitter without a schedule',
    path: ['jitter'],
  })
  .describe('One source and the tables read from it.');

export const projectSchema = z
  .strictObject(
    {
      name: patterned(
        PIPELINE_ID_PATTERN,
        'a name of lower-case letters, digits, dashes and underscores, at most 63',
      ).describe('The name of the project: the folder of its store.'),
      public_keys: z
        .array(patterned(/^ed25519\/[0-9a-f]{64}$/, '"ed25519/" and 64 hex digits'), {
          error: 'a list of keys such as ["ed25519/..."]',
        })
        .optional()
        .describe(
          'The public keys that tokens of the project are checked with; several while a rotation lasts. `hakiri token issue` and `hakiri key rotate` write them.',
        ),
    },
    { error: 'a table such as { name = "demo" }' },
  )
  .describe('The project. Required in hakiri.toml, not allowed in the files under pipelines/.');

export const manifestSchema = z.strictObject(
  {
    $schema: z
      .string({ error: 'the address of a JSON Schema' })
      .optional()
      .describe('The JSON Schema of the file, for editors.'),
    project: projectSchema.optional(),
    pipeline: z
      .array(pipelineSchema, { error: 'a list of pipelines, in TOML [[pipeline]]' })
      .optional()
      .describe('The pipelines.'),
    transforms: z
      .array(transformSchema, { error: 'a list of transforms, in TOML [[transforms]]' })
      .optional()
      .describe('Transforms of any table, carried out after those written under a pipeline.'),
    embedding: z
      .record(modelName, embeddingSchema, {
        error: 'a table of models, in TOML [embedding."name"]',
      })
      .optional()
      .describe('Models that make vectors of texts, by the name that vector indexes give under `model`.'),
    policy: z
      .array(policySchema, { error: 'a list of policies, in TOML [[policy]]' })
      .optional()
      .describe('What is served of tables at most, whoever asks.'),
    policy_test: z
      .array(policyTestSchema, { error: 'a list of expectations, in TOML [[policy_test]]' })
      .optional()
      .describe('What is expected of policies and tokens, for `hakiri policy test`.'),
  },
  { error: 'a table' },
);

/** A manifest file whose shape was checked. */
export type RawManifest = z.infer<typeof manifestSchema>;
export type RawPipeline = z.infer<typeof pipelineSchema>;
export type RawTable = z.infer<typeof tableSchema>;
export type RawTransform = z.infer<typeof transformSchema>;
