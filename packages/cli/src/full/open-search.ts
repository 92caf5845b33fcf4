import type { Embedder, EmbeddingSpec, IndexSpec, TableName, VectorIndexSpec } from '@hakiri/core';
import { tableZones } from '@hakiri/core/manifest';
import { createEmbedders, type Embedders, mayEmbed } from '@hakiri/retrieval/embed';
import { createIndexes, type Indexes, indexId } from '@hakiri/retrieval/indexes';
import type { SearchContext, SearchParts } from '../search-parts.ts';
import { declaredIndexes } from './declared-indexes.ts';

/** Wires search together, for the profile that has it. */
export async function openSearch(context: SearchContext): Promise<SearchParts> {
  const { folder, paths, files, clock, engine, manifest, readSecret, onEvent } = context;
  let current: { readonly of: readonly EmbeddingSpec[]; readonly embedders: Embedders } | undefined;

  /** Models that the manifest defines otherwise now are made anew; who still uses an old one may finish. */
  const embedders = (): Embedders => {
    const { embeddings } = manifest();
    if (current?.of !== embeddings) {
      void current?.embedders.close();
      current = {
        of: embeddings,
        embedders: createEmbedders({ embeddings, projectFolder: folder, readSecret, clock }),
      };
    }
    return current.embedders;
  };

  const embedderOf = async (table: TableName, spec: VectorIndexSpec): Promise<Embedder> => {
    const embedder = embedders().get(spec.model);
    mayEmbed(spec, tableZones(manifest(), table), embedder.model);
    return embedder;
  };

  const indexesAs = (specsOf: (table: TableName) => readonly IndexSpec[]): Indexes =>
    createIndexes({ paths, files, engine, specsOf, embedder: embedderOf, onEvent });
  const indexes = indexesAs((table) => declaredIndexes(manifest(), table));

  return {
    indexes,
    indexesWith: (other) =>
      indexesAs((table) => {
        const specs = [...declaredIndexes(manifest(), table), ...declaredIndexes(other, table)];
        return [...new Map(specs.map((spec) => [indexId(spec), spec])).values()];
      }),
    serving: {
      indexes: (table) => declaredIndexes(manifest(), table),
      indexed: (table) => indexes.indexedTable(table),
      behind: (table) => indexes.behind(table),
      // A question about the table goes where its texts went.
      embedder: embedderOf,
    },
    async close() {
      await current?.embedders.close();
    },
  };
}
