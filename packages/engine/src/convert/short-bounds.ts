/** Bounds are kept while they are short: they go into manifests. */
const MAX_LENGTH = 64;

/**
 * Bounds of a column as the engine writes them; null where there are none. A long text is cut by the engine to one
 * that still bounds it.
 */
export function shortBounds(
  column: { readonly min: string | undefined; readonly max: string | undefined } | undefined,
): readonly [string, string] | null {
  const { min, max } = column ?? {};
  if (min === undefined || max === undefined) return null;
  return min.length > MAX_LENGTH || max.length > MAX_LENGTH ? null : [min, max];
}
