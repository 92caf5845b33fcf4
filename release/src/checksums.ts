import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from './payload.ts';

const NAME = 'SHA256SUMS';

/** Of every file of a release, as `sha256sum --check` reads them. */
export function writeChecksums(folder: string): void {
  const files = readdirSync(folder, { withFileTypes: true }).filter(
    (file) => file.isFile() && file.name !== NAME,
  );
  const lines = files.map(({ name }) => `${sha256(readFileSync(join(folder, name)))}  ${name}\n`);
  writeFileSync(join(folder, NAME), lines.sort().join(''));
}
