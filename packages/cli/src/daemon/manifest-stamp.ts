import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE } from '../project-folder.ts';

/** Differs when a file of the manifest does: their names, sizes and times. */
export async function manifestStamp(folder: string): Promise<string> {
  const more = await readdir(join(folder, 'pipelines')).catch((): string[] => []);
  const files = [MANIFEST_FILE, ...more.sort().map((name) => join('pipelines', name))];
  const stamps = await Promise.all(
    files.map(async (file) => {
      const found = await stat(join(folder, file)).catch(() => undefined);
      return `${file} ${found?.ino} ${found?.size} ${found?.mtimeMs}`;
    }),
  );
  return stamps.join('\n');
}
