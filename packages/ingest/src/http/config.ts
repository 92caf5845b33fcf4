import { z } from 'zod';
import { authSchema } from '../toolkit/auth.ts';
import { paginationSchema } from '../toolkit/paginate.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const names = z.union([z.string().transform((name) => [name]), z.array(z.string()).min(1)]);

const incrementalSchema = z.strictObject({
  column: z
    .string()
    .describe(
      'Field that grows when a record changes; dots reach into objects. Default: `incremental` of the table or pipeline.',
    )
    .optional(),
  param: z
    .string()
    .describe(
      'Parameter that asks for records from a value on. Without it the list is read and older records are dropped.',
    )
    .optional(),
  format: z
    .enum(['iso', 'unix', 'unix_ms', 'raw'])
    .describe(
      'How the value is written: a time as ISO 8601, as seconds or milliseconds since 1970, or the value as it came.',
    )
    .default('iso'),
  order: z
    .enum(['ascending', 'descending', 'unordered'])
    .describe(
      'Order of the list. Ascending: work is kept page by page. Descending: reading stops at what is known.',
    )
    .default('unordered'),
  start: scalar.describe('Value sent with the first pull.').optional(),
  seek: z
    .boolean()
    .describe(
      'Ask for each next page from the last value seen, so that records which move meanwhile are not skipped. Needs `param`, ascending order, and a source that includes the value asked for.',
    )
    .default(false),
});

const parentSchema = z.strictObject({
  resource: z.string().describe('Name of the resource whose rows this one is read for.'),
  param: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a plain name')
    .describe('Name in `path` that stands for the value, and the column it becomes in each row.'),
  field: z.string().describe('Field of the parent row that holds the value.'),
});

const resourceSchema = z.strictObject({
  name: z.string().min(1).describe('Name of the table at the source.'),
  path: z.string().describe('Path below base_url. `{name}` is replaced by a value of the parent row.'),
  method: z
    .enum(['GET', 'POST'])
    .describe('With POST the parameters are sent as a JSON body.')
    .default('GET'),
  params: z
    .record(z.string(), z.union([scalar, z.array(scalar)]))
    .describe('Parameters of every request.')
    .default({}),
  headers: z
    .record(z.string(), z.string())
    .describe('Headers of this resource, beside those of the source.')
    .default({}),
  records: z
    .string()
    .describe(
      'Path in the body to the list of records, `data.items` for example. Left out: the body is the list.',
    )
    .optional(),
  primary_key: names.describe('Columns that tell rows apart.').default([]),
  pagination: paginationSchema
    .describe('How the list goes on. Left out: by Link header, if there is one.')
    .optional(),
  incremental: incrementalSchema.describe('How to ask only for what changed.').optional(),
  parent: parentSchema.describe('Reads this resource once for each row of another.').optional(),
  format: z
    .enum(['json', 'ndjson'])
    .describe('A JSON document a page, or one record a line.')
    .default('json'),
});

export const httpConfigSchema = z.strictObject({
  base_url: z.string().describe('Address that the paths of the resources are appended to.'),
  auth: authSchema.describe('Credentials, sent to the origin of base_url only.').optional(),
  headers: z
    .record(z.string(), z.string())
    .describe('Headers of every request to the origin of base_url.')
    .default({}),
  rate_limit: z
    .strictObject({
      requests_per_second: z.number().positive().describe('Requests a second at most.').optional(),
      max_wait_seconds: z
        .number()
        .nonnegative()
        .describe('Longest wait a request may be asked for before the run ends with source.rate_limited.')
        .default(600),
    })
    .describe('Pacing. What the source says of its own limits is honoured in any case.')
    .optional(),
  resources: z.array(resourceSchema).min(1).describe('The tables.'),
});

export type HttpConfig = z.output<typeof httpConfigSchema>;
export type ResourceConfig = HttpConfig['resources'][number];
