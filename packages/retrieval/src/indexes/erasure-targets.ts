import { existsSync } from 'node:fs';
import type { CatalogTable, ErasureTarget, Files, IndexSpec, TableName } from '@hakiri/core';
import type { Engine } from '@hakiri/engine';
import type { Layout } from '@hakiri/store';
import { textSourcesOf } from './text-sources.ts';
import type { ForgetTextsRequest } from './texts-job.ts';

export function graphsTarget(files: Files, graphsOf: (table: TableName) => string): ErasureTarget {
  return {
    name: 'graphs',
    async erase(tables) {
      for (const table of tables) await files.removeTree(graphsOf(table));
    },
    async remains(tables) {
      const left: string[] = [];
      for (const table of tables) if (await files.stat(graphsOf(table))) left.push(graphsOf(table));
      return left;
    },
  };
}

/** Vectors of texts that stand in the table no more; the others cost too much to be made again. */
export function embeddingsTarget({
  engine,
  paths,
  files,
  specsOf,
  embeddingsOf,
  tables: tablesNow,
}: {
  readonly engine: Pick<Engine, 'job'>;
  readonly paths: Pick<Layout, 'absolute'>;
  readonly files: Files;
  readonly specsOf: (table: TableName) => readonly IndexSpec[];
  readonly embeddingsOf: (table: TableName) => string;
  readonly tables: () => Promise<readonly CatalogTable[]>;
}): ErasureTarget {
  return {
    name: 'embeddings',
    async erase(names) {
      const concerned = names.filter((name) => existsSync(embeddingsOf(name)));
      if (concerned.length === 0) return;
      const tables = await tablesNow();
      for (const name of concerned) {
        const table = tables.find((one) => one.name === name);
        const indexes = specsOf(name);
        if (!table || indexes.length === 0) {
          await files.removeTree(embeddingsOf(name));
          continue;
        }
        const request: ForgetTextsRequest = {
          ...textSourcesOf(table, paths.absolute),
          indexes,
          embeddings: embeddingsOf(name),
        };
        await engine.job('index-forget', request);
      }
    },
    // What is kept is known by its hash alone; `erase` fails where it could not remove the others.
    remains: async () => [],
  };
}
