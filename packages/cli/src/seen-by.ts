import { manifestFacts, type Pseudonyms, policyOf, type SeenTable, seenTable } from '@hakiri/access';
import type { CatalogTable, Grant, Manifest } from '@hakiri/core';

/** What a grant sees of a table under a manifest; undefined where to that grant there is no such table. */
export function seenBy(
  manifest: Manifest,
  pseudonyms: Pseudonyms,
): (table: CatalogTable, grant: Grant) => SeenTable | undefined {
  const factsOf = manifestFacts(manifest);
  return (table, grant) => {
    const policy = policyOf(factsOf(table.name), table.schema, grant);
    return policy.kind === 'hidden' ? undefined : seenTable(table, policy, pseudonyms);
  };
}
