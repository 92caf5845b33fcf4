import { HakiriError, nearest } from '@hakiri/core';

/** The error for a table the source does not have. */
export function unknownTable(table: string, tables: readonly string[]): HakiriError {
  const suggestion = nearest(table, tables);
  return new HakiriError('source.config', `The source has no table "${table}"`, {
    hint: suggestion === undefined ? `It has: ${tables.join(', ')}.` : `Did you mean "${suggestion}"?`,
  });
}
