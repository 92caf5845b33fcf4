import { HakiriError, toHakiriError } from '@hakiri/core';

export const TOO_MUCH_MEMORY = {
  code: 'engine.out_of_memory',
  message: 'The query needs more memory than it may take',
  hint: 'Narrow it: fewer columns, a filter, or a LIMIT.',
} as const;

/** Sanitised: an engine message can quote a value or a path. */
export function queryError(error: unknown): HakiriError {
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
  if (
    /^Binder Error: Referenced column/.test(message) ||
    /^Binder Error: Table ".*" does not have a column/.test(message)
  ) {
    const candidates = /Candidate bindings: (.*)/.exec(message)?.[1];
    return new HakiriError('query.unknown_column', firstLine, {
      cause: error,
      ...(candidates ? { hint: `Did you mean ${candidates.replaceAll('"', '').slice(0, 200)}?` } : {}),
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
