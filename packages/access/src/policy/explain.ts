import { isHakiriError, parsePredicate, predicateToSql, type TableSchema } from '@hakiri/core';
import type { Pseudonyms } from '../actions/pseudonyms.ts';
import { columnEffects, type PathEffect } from './column-effects.ts';
import { columnsLeft } from './columns-left.ts';
import { leafPaths, overlap } from './paths.ts';
import type { ColumnRule, RowRule, VisibleTable } from './table-policy.ts';

/** What a policy comes to over a table's columns, for those who ask why. */
export interface ExplainedPolicy {
  readonly rows: readonly (Pick<RowRule, 'predicate' | 'because'> & {
    /** Why it lets no row pass: it does not go with the columns it sees. */
    readonly problem: string | undefined;
  })[];
  readonly columns: readonly PathEffect[];
  /** Rules of columns that the table does not have. */
  readonly idle: readonly ColumnRule[];
}

export function explainPolicy(schema: TableSchema, policy: VisibleTable): ExplainedPolicy {
  const paths = leafPaths(schema.columns);
  return {
    rows: policy.rows.map((rule) => ({
      predicate: rule.predicate,
      because: rule.because,
      problem: problemOf(rule, schema),
    })),
    columns: columnEffects(schema, policy.columns),
    idle: policy.columns.filter((rule) => !paths.some((path) => overlap(path, rule.path))),
  };
}

/** Names and types are all that is asked for here. */
const NO_KEY: Pseudonyms = { subkey: () => Buffer.alloc(0) };

function problemOf({ predicate, under }: RowRule, { columns }: TableSchema): string | undefined {
  try {
    predicateToSql(parsePredicate(predicate), { columns: columnsLeft(columns, under, NO_KEY) });
    return undefined;
  } catch (error) {
    if (isHakiriError(error)) return error.message;
    throw error;
  }
}
