/** What was read and decoded, the least recently used thrown out first. */
export interface ByteCache {
  get(key: string): unknown;
  set(key: string, value: unknown, bytes: number): void;
}

export function createByteCache(limitBytes: number): ByteCache {
  const kept = new Map<string, { readonly value: unknown; readonly bytes: number }>();
  let held = 0;
  return {
    get(key) {
      const entry = kept.get(key);
      if (entry === undefined) return undefined;
      // The order of a map is that of its insertions: used means inserted anew.
      kept.delete(key);
      kept.set(key, entry);
      return entry.value;
    },
    set(key, value, bytes) {
      held += bytes - (kept.get(key)?.bytes ?? 0);
      kept.delete(key);
      kept.set(key, { value, bytes });
      for (const [oldest, entry] of kept) {
        if (held <= limitBytes || oldest === key) break;
        kept.delete(oldest);
        held -= entry.bytes;
      }
    },
  };
}
