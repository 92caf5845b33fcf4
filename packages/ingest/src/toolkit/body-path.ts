/** A value inside a parsed body: `meta.next`, `pages.0.url`. Undefined when there is nothing. */
export function bodyValue(body: unknown, path: string): unknown {
  let value: unknown = body;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
