import { dirname } from 'node:path';
import { type Files, HakiriError } from '@hakiri/core';
import { syncUpTo, writeDurably } from './durable.ts';
import type { Layout } from './layout.ts';

/** Raised when an older Hakiri could no longer read what a newer one writes. */
const STORE_FORMAT = 1;

/** @throws HakiriError store.newer_format, store.damaged */
export async function readStoreFormat(files: Files, paths: Layout): Promise<number | undefined> {
  if (!(await files.stat(paths.config))) return undefined;
  const format = Number(/^format\s*=\s*(\d+)\s*$/m.exec(await files.readText(paths.config))?.[1]);
  if (!Number.isInteger(format))
    throw new HakiriError('store.damaged', `${paths.config} does not say the store's format`);
  if (format > STORE_FORMAT) {
    throw new HakiriError(
      'store.newer_format',
      `The store has format ${format}; this Hakiri knows ${STORE_FORMAT}`,
    );
  }
  return format;
}

export async function writeStoreFormat(files: Files, paths: Layout): Promise<void> {
  await files.makeFolder(paths.context);
  // The store's own folders are names, too: a power cut must not take what is committed with them.
  await syncUpTo(files, dirname(paths.context), dirname(paths.root));
  await writeDurably(
    files,
    paths.config,
    `# What this folder is, for Hakiri. Not meant to be edited.\nformat = ${STORE_FORMAT}\n`,
  );
}
