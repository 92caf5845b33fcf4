import { type Grant, isHakiriError, type Serve } from '@hakiri/core';
import { unknownName } from './unknown-name.ts';

/**
 * Asks, and tells of a table that is not there what there is. Only then are the tables asked for: that goes on record,
 * too.
 * @param names of the tables that are asked about
 */
export async function withKnownTables<T>(
  serve: Serve,
  grant: Grant,
  names: readonly string[],
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isHakiriError(error) || error.code !== 'query.unknown_table') throw error;
    const known = (await serve.tables(grant)).map(({ name }) => name);
    const missing = names.find((name) => !known.includes(name));
    throw missing === undefined ? error : unknownName('table', missing, known, { code: error.code });
  }
}
