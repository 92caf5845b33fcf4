import { dirname } from 'node:path';
import { type Files, HakiriError } from '@hakiri/core';
import { MIGRATIONS } from '../catalog/migrations.ts';
import { syncUpTo, writeDurably } from './durable.ts';
import type { Layout } from './layout.ts';

/**
 * What a program has to know to read the folder. It is the number of the catalog's migrations, so that each of them
 * raises it; a change of anything else that an older program would misread adds an empty one.
 */
export const STORE_FORMAT = MIGRATIONS.length;

/** Undefined where there is no store. @throws HakiriError store.newer_format, store.damaged */
export async function readStoreFormat(files: Files, paths: Layout): Promise<number | undefined> {
  if (!(await files.stat(paths.config))) return undefined;
  const format = formatIn(await files.readText(paths.config));
  if (format === undefined)
    throw new HakiriError('store.damaged', `${paths.config} does not say the store's format`);
  if (format > STORE_FORMAT) throw newerFormat(paths.context, format);
  return format;
}

export async function writeStoreFormat(files: Files, paths: Layout): Promise<void> {
  await files.makeFolder(paths.context);
  // The store's own folders are names, too: a power cut must not take what is committed with them.
  await syncUpTo(files, dirname(paths.context), dirname(paths.root));
  await writeDurably(files, paths.config, CONFIG);
}

/** `config.toml` of a store of this program's format. */
export const CONFIG = `# What this folder is, for Hakiri. Not meant to be edited.\nformat = ${STORE_FORMAT}\n`;

/** Undefined where the text does not say it. */
export function formatIn(config: string): number | undefined {
  const format = Number(/^format\s*=\s*(\d+)\s*$/m.exec(config)?.[1]);
  return Number.isInteger(format) ? format : undefined;
}

export function newerFormat(what: string, format: number): HakiriError {
  return new HakiriError(
    'store.newer_format',
    `${what} has format ${format}; this Hakiri knows up to ${STORE_FORMAT}`,
    {
      hint: 'Update Hakiri, and start its daemon anew. Nothing was changed; `backups` in the store tells how to go back.',
      details: { format, known: STORE_FORMAT },
    },
  );
}
