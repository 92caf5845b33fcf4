import {
  columnSources,
  type Manifest,
  type PiiType,
  type PolicySpec,
  type TableName,
  type TableZones,
  tableZones,
} from '@hakiri/core';

/** What the manifest says of a table that bears on who may see what of it. */
export interface TableFacts {
  readonly table: string;
  readonly policies: readonly PolicySpec[];
  readonly zones: TableZones;
  /** Of a column of the store; undefined where nobody said, or where it may be one of several. */
  readonly piiType: (path: string) => PiiType | undefined;
  /** `<table>.<column>` of the columns that a column of the store may quote. */
  readonly quotes: (path: string) => readonly string[];
  readonly other: (table: string) => TableFacts;
}

/** Facts by table. A table that the manifest does not name, as those of memory, has none but its policies. */
export function manifestFacts(
  manifest: Pick<Manifest, 'pipelines' | 'transforms' | 'policies'>,
): (table: string) => TableFacts {
  const known = new Map<string, TableFacts>();
  const factsOf = (table: string): TableFacts => {
    const found = known.get(table);
    if (found !== undefined) return found;
    const name = table as TableName;
    const sources = columnSources(manifest, name);
    const facts: TableFacts = {
      table,
      policies: manifest.policies.filter((policy) => policy.table === table),
      zones: tableZones(manifest, name),
      piiType(path) {
        const types = new Set(sources(path).flatMap(({ piiType }) => piiType ?? []));
        return types.size === 1 ? [...types][0] : undefined;
      },
      quotes: (path) => [...new Set(sources(path).flatMap(({ contains }) => contains))],
      other: factsOf,
    };
    known.set(table, facts);
    return facts;
  };
  return factsOf;
}

/** Of a table nothing is said of. */
export function noFacts(table: string): TableFacts {
  return manifestFacts({ pipelines: [], transforms: [], policies: [] })(table);
}
