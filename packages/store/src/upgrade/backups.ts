import { basename, dirname, join } from 'node:path';
import type { Clock, Files } from '@hakiri/core';
import { versionInFile } from '../catalog/version-in-file.ts';
import { syncUpTo } from '../disk/durable.ts';
import type { Layout } from '../disk/layout.ts';
import { STORE_FORMAT } from '../disk/store-format.ts';

/** What an upgrade changed, as it was before: `backups/format-<n>-<utc>/`. Kept until somebody removes it. */
export interface Backup {
  readonly format: number;
  /** Absolute. */
  readonly path: string;
  /** As in its name: `2026-11-01T00-00-00.000Z`. */
  readonly at: string;
  /** Migrations its catalog has had; 0 where there was no catalog. */
  readonly catalog: number;
}

type Place = { readonly files: Files; readonly paths: Layout };

const NAME = /^format-(\d+)-(\d{4}-\d\d-\d\dT[\d-]+\.\d{3}Z)(?:-\d+)?$/;
const UNFINISHED = '.tmp';

/** Oldest first. */
export async function listBackups({ files, paths }: Place): Promise<readonly Backup[]> {
  return (await files.list(paths.backups)).flatMap(({ name }) => {
    const [, format, at = ''] = NAME.exec(name) ?? [];
    const path = join(paths.backups, name);
    if (format === undefined) return [];
    return { format: Number(format), path, at, catalog: versionInFile(join(path, basename(paths.catalog))) };
  });
}

/** Whole and on the disk for good when this resolves to its folder. @param catalog undefined where there is none */
export async function backUp(
  { files, paths, clock }: Place & { readonly clock: Clock },
  format: number,
  catalog: Uint8Array | undefined,
): Promise<string> {
  await removeUnfinished({ files, paths });
  const at = new Date(clock.nowMs()).toISOString();
  const path = await freePath(files, join(paths.backups, `format-${format}-${at.replaceAll(':', '-')}`));
  const making = `${path}${UNFINISHED}`;
  try {
    await files.makeFolder(making);
    const write = async (name: string, content: string | Uint8Array): Promise<void> => {
      await files.write(join(making, name), content);
      await files.sync(join(making, name));
    };
    await write(basename(paths.config), await files.readBytes(paths.config));
    if (catalog !== undefined) await write(basename(paths.catalog), catalog);
    await write('README.txt', readme({ format, at, hasCatalog: catalog !== undefined }));
    await files.syncFolder(making);
    await files.rename(making, path);
    await syncUpTo(files, paths.backups, paths.context);
    return path;
  } catch (error) {
    // A disk that is full is not left fuller.
    await files.removeTree(making).catch(() => {});
    throw error;
  }
}

/** What an upgrade that died left half made. */
async function removeUnfinished({ files, paths }: Place): Promise<void> {
  for (const { name } of await files.list(paths.backups)) {
    if (name.endsWith(UNFINISHED)) await files.removeTree(join(paths.backups, name));
  }
}

async function freePath(files: Files, path: string): Promise<string> {
  const taken = new Set((await files.list(dirname(path))).map(({ name }) => name));
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? path : `${path}-${n}`;
    if (!taken.has(basename(candidate))) return candidate;
  }
}

function readme({
  format,
  at,
  hasCatalog,
}: {
  readonly format: number;
  readonly at: string;
  readonly hasCatalog: boolean;
}): string {
  const kept = hasCatalog
    ? 'config.toml and meta.sqlite'
    : 'config.toml; there was no catalog that could be read';
  return `At ${at} Hakiri brought this store from format ${format} to format ${STORE_FORMAT}.
Here is what it changed, as it was before: ${kept}.

To go back to a Hakiri that knows format ${format} and not ${STORE_FORMAT}:

1. Stop everything that has the store open: hakiri serve, hakiri mcp, hakiri run.
2. Two folders above this one, where the store's meta.sqlite is, remove
   meta.sqlite, meta.sqlite-wal and meta.sqlite-shm.
3. Copy ${hasCatalog ? 'config.toml and meta.sqlite' : 'config.toml'} from here to there.
4. Remove the folder .hakiri/cache: all of it is made again.

What was committed since is taken in again where the older Hakiri can read it; where it
cannot, \`hakiri doctor\` names it, and the next run pulls it again. Files that were merged
and collected since (hakiri compact, hakiri gc) do not come back with this.

Remove this folder once nobody needs to go back. \`hakiri forget\` removes it as well: a
catalog can name what was to be forgotten.
`;
}
