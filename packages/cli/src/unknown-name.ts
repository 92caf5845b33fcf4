import { type ErrorCode, HakiriError, nearest } from '@hakiri/core';

/** An error that names what exists, and what was probably meant. */
export function unknownName(
  what: 'pipeline' | 'table' | 'recipe' | 'setting',
  name: string,
  existing: readonly string[],
  options: { readonly code?: ErrorCode; readonly hint?: string } = {},
): HakiriError {
  const meant = nearest(name, existing);
  const known = existing.length === 0 ? `There is no ${what} yet.` : `There is: ${existing.join(', ')}.`;
  const suggestion = meant === undefined ? known : `Did you mean ${meant}? ${known}`;
  return new HakiriError(options.code ?? 'usage.unknown_name', `there is no ${what} "${name}"`, {
    hint: options.hint === undefined ? suggestion : `${options.hint} ${suggestion}`,
    details: { name, nearest: meant ?? null },
  });
}
