import { HakiriError, nearestNames, RESERVED_PREFIX, toHakiriError } from '@hakiri/core';

export const TOO_MUCH_MEMORY = {
  code: 'engine.out_of_memory',
  message: 'The query needs more memory than it may take',
  hint: 'Narrow it: fewer columns, a filter, or a LIMIT.',
} as const;

const UNKNOWN_COLUMN = [
  /^Binder Error: Referenced column "(.+)" not found/,
  /^Binder Error: (?:Table|Values list) ".*" does not have a column named "(.+)"/,
  /^Binder Error: Column "(.+)" in (?:EXCLUDE|REPLACE|RENAME) list not found/,
  /^Binder Error: Column "(.+)" does not exist on (?:left|right) side of join/,
];

/** The column that a query names and nothing has; undefined for any other error. */
export function unknownColumn(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : '';
  for (const pattern of UNKNOWN_COLUMN) {
    const column = pattern.exec(message)?.[1];
    if (column !== undefined) return column.slice(0, 80);
  }
  return undefined;
}

const MOST_COLUMNS_SHOWN = 30;

/** The nearest of the tables' columns, else the engine's own guess, which knows aliases too, else what there is. */
function columnHint(column: string, message: string, columns: readonly string[]): { readonly hint?: string } {
  const own = columns.filter((name) => !name.startsWith(RESERVED_PREFIX));
  const guessed = (/Candidate bindings: (.*)/.exec(message)?.[1] ?? '')
    .split(', ')
    .map((name) => name.replaceAll('"', ''))
    .filter((name) => name !== '' && !name.startsWith(RESERVED_PREFIX));
  const near = nearestNames(column, [...new Set([...own, ...guessed])]);
  const meant = near.length > 0 ? near : guessed.slice(0, 3);
  if (meant.length > 0) return { hint: `Did you mean ${meant.join(' or ')}?` };
  if (own.length === 0 || own.length > MOST_COLUMNS_SHOWN) return {};
  return { hint: `The columns are: ${own.join(', ')}.` };
}

/**
 * Sanitised: an engine message can quote a value or a path.
 * @param columns of the tables that the query reads, where the error is about one
 */
export function queryError(error: unknown, columns: readonly string[] = []): HakiriError {
  if (error instanceof HakiriError) return error;
  if (error instanceof TypeError || error instanceof ReferenceError) return toHakiriError(error);
  const message = error instanceof Error ? error.message : String(error);
  const firstLine = (message.split('\n')[0] ?? '').replace(/^[A-Za-z ]+ Error: /, '');
  if (/^Permission Error/.test(message)) {
    return new HakiriError('query.refused', 'The query tried to reach a file, a setting or the network', {
      cause: error,
    });
  }
  if (/^Catalog Error: Table with name/.test(message)) {
    const name = /Table with name (\S+)/.exec(message)?.[1] ?? '';
    return new HakiriError('query.unknown_table', `There is no table "${name}"`, { cause: error });
  }
  const column = unknownColumn(error);
  if (column !== undefined) {
    return new HakiriError('query.unknown_column', `There is no column "${column}"`, {
      cause: error,
      ...columnHint(column, message, columns),
    });
  }
  if (/^Max expression depth limit|[Mm]aximum recursion/.test(firstLine))
    return new HakiriError('query.invalid', 'The query is nested too deeply', { cause: error });
  // Binding and parsing look at the query's own text only.
  if (/^(Binder|Parser|Catalog) Error/.test(message))
    return new HakiriError('query.invalid', firstLine, { cause: error });
  if (/^Out of Memory Error/.test(message)) {
    const { code, message: said, hint } = TOO_MUCH_MEMORY;
    return new HakiriError(code, said, { cause: error, hint });
  }
  if (/ENOSPC|EDQUOT|No space left|Disk quota exceeded/i.test(message)) {
    return new HakiriError('store.disk_full', 'The disk filled up', { cause: error });
  }
  if (/^(IO|Serialization) Error/.test(message)) {
    return new HakiriError('store.damaged', 'A file of the store is missing or damaged', { cause: error });
  }
  const kind = /^([A-Za-z ]+ Error)/.exec(message)?.[1] ?? 'Error';
  return new HakiriError('query.failed', `The query failed on a value (${kind})`, { cause: error });
}
