import type { Files, PartEntry } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import { sha256 } from '../disk/sha256.ts';

/** What is wrong with a part, in words that go on after its path; undefined when it is what was written. */
export async function partFault(
  { files, engine }: { readonly files: Files; readonly engine: Engine },
  path: string,
  part: PartEntry,
): Promise<string | undefined> {
  if (!(await files.stat(path))) return 'is missing';
  if (sha256(await files.readBytes(path)) !== part.sha256) return 'is not what was written: its hash differs';
  const rows = await engine.countRows(path);
  return rows === part.rows ? undefined : `holds ${rows} rows instead of ${part.rows}`;
}
