import { HakiriError, parseAsOf, type QueryRequest, type RowsRequest } from '@hakiri/core';
import { z } from 'zod';
import { DEFAULT_MAX_BYTES, maxBytesField, nextField } from './page.ts';
import { present } from './present.ts';
import { parseInput } from './tool.ts';

const MOST_K = 1000;
const DEFAULT_LIMIT = 100;
const MOST_LIMIT = 10_000;
const MOST_TIMEOUT_MS = 120_000;
/** Of a query's SQL or filter. */
const MOST_SQL = 100_000;

const filterField = z
  .string()
  .max(MOST_SQL)
  .describe("A condition over the table's columns: state = 'open' and comments > 3. Holds before a search.");

const clause = z.strictObject({
  text: z
    .string()
    .min(1)
    .max(10_000)
    .describe(
      'What to look for, in words; "quoted" for a phrase, word* for a prefix, +word where it has to be there.',
    ),
  mode: z
    .enum(['hybrid', 'keyword', 'vector'])
    .optional()
    .describe('hybrid (words and meaning) where the table has both indexes, else the one it has.'),
  k: z.int().min(1).max(MOST_K).optional().describe('How many rows to find; 10 when left out.'),
  indexes: z
    .array(z.string().max(200))
    .max(20)
    .optional()
    .describe('Names from context_describe; all when left out.'),
});

const named = clause.extend({
  table: z.string().max(200).describe('The table to search.'),
  filter: filterField.optional(),
  in: z
    .record(z.string().max(200), z.string().max(MOST_SQL))
    .optional()
    .describe('By column, a SELECT of one column: only rows whose value is among its rows are searched.'),
});

const NAMES_NOT_RELATIONS = 'a relation is named with lower-case letters, digits and underscores';
const namedSearches = z
  .record(z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, NAMES_NOT_RELATIONS), named)
  .refine((searches) => Object.keys(searches).length <= 8, 'at most eight searches go into one query');

const shared = {
  as_of: z
    .string()
    .max(100)
    .optional()
    .describe('The tables as they were then: an ISO 8601 time, or the id of a run. Now when left out.'),
  limit: z
    .int()
    .min(1)
    .max(MOST_LIMIT)
    .optional()
    .describe(`Rows in this answer; ${DEFAULT_LIMIT} when left out.`),
  cite: z.boolean().optional().describe('Whether each row says where it comes from; true when left out.'),
  explain: z.boolean().optional().describe('Whether the answer says how it was found.'),
  timeout_ms: z.int().min(100).max(MOST_TIMEOUT_MS).optional(),
  max_bytes: maxBytesField,
  next: nextField,
};

const structuredFields = {
  table: z.string().min(1).max(200).describe('Form 1: the one table to read.'),
  select: z
    .array(z.string().max(1000))
    .max(1000)
    .optional()
    .describe('Form 1: columns, dots reaching into structs; all when left out.'),
  filter: filterField.optional(),
  order_by: z
    .array(z.string().max(1000))
    .max(20)
    .optional()
    .describe('Form 1: "column" or "column desc"; by rank when something is searched for.'),
};

const sqlField = z
  .string()
  .min(1)
  .max(MOST_SQL)
  .describe(
    "Form 2: one SELECT in DuckDB's dialect over the tables and the relations named in search. Nothing else is reachable.",
  );

const eitherForm = z.strictObject({
  table: structuredFields.table.optional(),
  select: structuredFields.select,
  filter: structuredFields.filter,
  order_by: structuredFields.order_by,
  sql: sqlField.optional(),
  ...shared,
});

/** Both forms in one object, since many clients take no union at the root. */
export const queryInput = eitherForm.extend({
  search: z
    .union([clause, namedSearches])
    .optional()
    .describe(
      "Form 1: one search in the table. Form 2: searches by name, each a relation of the table's key columns, _score and _rank that the SQL joins.",
    ),
});
/** Which form is meant says what a search has to be: checked behind it, so that the error names the field. */
const firstLook = eitherForm.extend({ search: z.unknown().optional() });

const structuredForm = z.strictObject({ ...structuredFields, search: clause.optional(), ...shared });
const sqlForm = z.strictObject({ sql: sqlField, search: namedSearches.optional(), ...shared });

export interface BoundedRequest {
  readonly request: QueryRequest;
  /** Of the whole answer. */
  readonly maxBytes: number;
}

/** @throws HakiriError usage.argument */
export function readQueryRequest(input: unknown): BoundedRequest {
  const given = parseInput(firstLook, input);
  if ((given.sql === undefined) === (given.table === undefined)) {
    throw new HakiriError('usage.argument', 'the arguments do not fit: give either table or sql', {
      hint: 'table with select, filter, search, order_by; or sql, with searches by name.',
    });
  }
  if (given.sql !== undefined) {
    for (const name of ['select', 'filter', 'order_by'] as const) {
      if (given[name] === undefined) continue;
      throw new HakiriError(
        'usage.argument',
        `the arguments do not fit: ${name} goes with table, not with sql`,
        {
          hint: 'Write it into the SQL.',
        },
      );
    }
  }
  return given.sql === undefined ? readStructured(given) : readSql(given);
}

function readStructured(given: unknown): BoundedRequest {
  const { table, select, filter, order_by: orderBy, search, ...limits } = parseInput(structuredForm, given);
  return withLimits(limits, present({ table, select, filter, orderBy, search: search && present(search) }));
}

function readSql(given: unknown): BoundedRequest {
  const { sql, search, ...limits } = parseInput(sqlForm, given);
  const searches = search && Object.entries(search).map(([name, one]) => [name, present(one)] as const);
  return withLimits(limits, present({ sql, search: searches && Object.fromEntries(searches) }));
}

function withLimits(limits: z.output<z.ZodObject<typeof shared>>, rows: RowsRequest): BoundedRequest {
  const { as_of: at, limit = DEFAULT_LIMIT, cite = true, explain, timeout_ms: timeoutMs, next } = limits;
  const asOf = at === undefined ? undefined : parseAsOf(at);
  if (at !== undefined && asOf === undefined) {
    throw new HakiriError(
      'usage.argument',
      'the arguments do not fit: as_of is neither a time nor the id of a run',
      {
        hint: 'Write it as 2026-11-01T00:00:00Z.',
      },
    );
  }
  const request: QueryRequest = {
    ...rows,
    ...present({ asOf, limit, cite, explain, timeoutMs, next }),
  };
  return { request, maxBytes: limits.max_bytes ?? DEFAULT_MAX_BYTES };
}
