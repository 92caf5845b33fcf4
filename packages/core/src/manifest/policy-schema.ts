import * as z from 'zod';
import { isHakiriError } from '../errors.ts';
import { TABLE_NAME_PATTERN } from '../ids.ts';
import { ACTIONS, COLUMN_ACTIONS } from '../ports/access.ts';
import { parsePredicate } from '../predicate/parse.ts';
import { ZONE_PATTERN } from '../zones.ts';
import { columnName, listOf, patterned, text, wholeNumber } from './schema-parts.ts';

const MAX_MIN_GROUP = 1_000_000;

const tableName = patterned(TABLE_NAME_PATTERN, 'the name of a table in the store');

const predicate = text('a filter such as "region = \'EU\'"').check((context) => {
  const problem = predicateProblem(context.value);
  if (problem !== undefined) {
    context.issues.push({ code: 'custom', message: `a filter: ${problem}`, input: context.value });
  }
});

function predicateProblem(value: string): string | undefined {
  try {
    parsePredicate(value);
    return undefined;
  } catch (error) {
    if (isHakiriError(error)) return error.message;
    throw error;
  }
}

const minGroup = wholeNumber(1, MAX_MIN_GROUP, `a whole number from 1 to ${MAX_MIN_GROUP}`);

export const columnAction = z.enum(COLUMN_ACTIONS);

export const policySchema = z
  .strictObject(
    {
      table: tableName.describe('The table in the store.'),
      rows: predicate
        .optional()
        .describe(
          'The only rows that anybody sees: those for which this filter is true, over the columns as they are.',
        ),
      columns: z
        .record(columnName, columnAction, {
          error: 'a table of columns and actions; a field of a struct is named in quotes: "user.login"',
        })
        .optional()
        .describe(
          'What is done to columns before anybody sees them; dots reach into structs: columns."user.login" = "hash". `deny`: the column is not there. `redact`: null. `hash`: `h_` and a keyed hash. `tokenize`: `t_` and an encryption that the key turns back. `mask`: a form by `pii_type`, such as `a***@***.com`.',
        ),
      min_group: minGroup
        .optional()
        .describe('Only aggregates are served, over at least so many primary keys a group.'),
    },
    { error: 'a table such as { table = "customers", rows = "region = \'EU\'" }' },
  )
  .describe(
    "A ceiling on what is served of a table, for every grant, the owner's too. Several of one table hold together; `--as-owner` passes them by.",
  );

export const policyCallerSchema = z.strictObject(
  {
    agent: text('the name of an agent').optional().describe('Its name.'),
    zone: patterned(ZONE_PATTERN, 'a zone such as "local:device" or "public-cloud:anthropic"')
      .optional()
      .describe('Where its model runs. Default: unknown, so that nothing tagged is served.'),
    tables: listOf(tableName, 'a list of tables')
      .optional()
      .describe('What it has its rights on. Default: the table of the expectation.'),
    actions: listOf(
      z.enum(ACTIONS.filter((action) => action !== 'run')),
      'a list of actions such as ["read"]',
    )
      .optional()
      .describe('Its rights. Default: ["read"].'),
    rows: predicate.optional().describe('A filter on the rows of the table.'),
    columns: listOf(columnName, 'a list of columns')
      .optional()
      .describe('The only columns of the table that it is left.'),
    column: z
      .record(columnName, columnAction, { error: 'a table of columns and actions' })
      .optional()
      .describe('What is done to columns of the table.'),
    min_group: minGroup.optional().describe('The keys a group of the table must hold.'),
  },
  { error: 'a table such as { agent = "support", actions = ["read"] }' },
);

export const policyTestSchema = z
  .strictObject(
    {
      name: text('a text').describe('What is expected, in words.'),
      table: tableName.describe('The table in the store.'),
      as: policyCallerSchema
        .optional()
        .describe(
          'Who asks, as `hakiri token issue` would let it in: `agent`, `zone`, `tables` (default: this one), `actions` (default: ["read"]), and of this table `rows`, `columns` (an allow list), `column` (actions by column) and `min_group`. Default: the owner.',
        ),
      hidden: z
        .boolean({ error: 'true or false' })
        .optional()
        .describe('Whether there is no such table for it.'),
      sees: listOf(columnName, 'a list of columns')
        .optional()
        .describe('Columns that are served, in whatever form.'),
      hides: listOf(columnName, 'a list of columns')
        .optional()
        .describe('Columns that are not there for it.'),
      columns: z
        .record(columnName, z.enum([...COLUMN_ACTIONS, 'scrub', 'clear']), {
          error: 'a table of columns and what is done to them',
        })
        .optional()
        .describe('What is done to columns: an action, "scrub", or "clear" where it is nothing.'),
      all_rows: z
        .boolean({ error: 'true or false' })
        .optional()
        .describe('Whether no filter holds rows back.'),
      min_group: wholeNumber(0, MAX_MIN_GROUP, `a whole number from 0 to ${MAX_MIN_GROUP}`)
        .optional()
        .describe('The keys a group must hold; 0 where rows are served.'),
    },
    { error: 'a table such as { name = "...", table = "customers", hides = ["ssn"] }' },
  )
  .describe('An expectation of what somebody sees of a table; `hakiri policy test` checks them all.');

export type RawPolicy = z.infer<typeof policySchema>;
export type RawPolicyTest = z.infer<typeof policyTestSchema>;
