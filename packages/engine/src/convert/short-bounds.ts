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

/** A value and all that surrounds it in an order key. */
const MAX_ORDER_LENGTH = 128;

/** A bound that no order key is below, also when a long one was cut; undefined where it is not short. */
export function shortOrder(least: string | undefined): string | undefined {
  return least !== undefined && least.length <= MAX_ORDER_LENGTH ? least : undefined;
}
