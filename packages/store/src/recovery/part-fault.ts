import { createHash } from 'node:crypto';
import type { Files, PartEntry } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';

/** What is wrong with a part, in words that go on after its path; undefined when it is what was written. */
export async function partFault(
  { files, engine }: { readonly files: Files; readonly engine: Engine },
  path: string,
  part: PartEntry,
): Promise<string | undefined> {
  if (!(await files.stat(path))) return 'is missing';
  const hash = createHash('sha256')
    .update(await files.readBytes(path))
    .digest('hex');
  if (hash !== part.sha256) return 'is not what was written: its hash differs';
  const rows = await engine.countRows(path);
  return rows === part.rows ? undefined : `holds ${rows} rows instead of ${part.rows}`;
}
