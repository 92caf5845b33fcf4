import { readFileSync } from 'node:fs';

/** The sample's issues: NDJSON, compressed with zstd. */
export function sampleBytes(): Uint8Array {
  return readFileSync(new URL('./issues.ndjson.zst', import.meta.url));
}
