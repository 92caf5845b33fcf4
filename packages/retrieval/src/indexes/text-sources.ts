import { type CatalogTable, tableParts } from '@hakiri/core';
import { deltaSelect } from '@hakiri/store';
import type { TextSources } from './texts-job.ts';

/** Where the texts of a table stand now. */
export function textSourcesOf(table: CatalogTable, absolute: (relative: string) => string): TextSources {
  return {
    parts: tableParts(table).map(({ path, rows, columns }) => ({ path: absolute(path), rows, columns })),
    deltas: table.deltas.map((delta) => ({
      select: deltaSelect({ schema: table.schema }, delta, absolute(delta.path)),
    })),
    schema: table.schema,
  };
}
