import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { constants, zstdCompressSync } from 'node:zlib';
import { sampleNdjson } from './sample/issues.ts';

/**
 * Writes the sample that `hakiri run github-issues` reads where nothing else is set up:
 * `node scripts/make-sample.ts`. The same every time, on every machine.
 */
const target = fileURLToPath(
  new URL('../packages/ingest/src/github/sample/issues.ndjson.zst', import.meta.url),
);
const compressed = zstdCompressSync(sampleNdjson(), {
  params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 23 },
});
writeFileSync(target, compressed);
console.log(`${target}: ${compressed.length} bytes`);
