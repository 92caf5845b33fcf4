import { createHash } from 'node:crypto';
import { type CatalogTable, type Files, type IndexSpec, type TableName, tableParts } from '@hakiri/core';
import { coverageOf, type IndexManifests, partsOf, servingSpec } from './coverage.ts';
import { indexId } from './definition.ts';

/** What serves in the place of a declared index. */
export interface Standing {
  readonly serving: IndexSpec;
  /** In parts that it does not have; dead rows are counted with them. */
  readonly rowsBehind: number;
}

export interface StandingContext {
  readonly files: Files;
  readonly manifests: IndexManifests;
  specsOf(table: TableName): readonly IndexSpec[];
  absolute(relative: string): string;
  /** Grows with everything that this process makes. */
  built(): number;
}

interface Kept {
  readonly standings: readonly Standing[];
  readonly built: number;
  readonly lookedAt: number;
}

/** What other processes make is seen so much later. */
const LOOK_AGAIN_MS = { behind: 250, whole: 5000 };
const MAX_KEPT = 256;

/** Looks which indexes serve a table, once for the same parts: a thousand parts are thousands of files. */
export function standings(context: StandingContext): (table: CatalogTable) => Promise<readonly Standing[]> {
  const kept = new Map<string, Kept>();
  const keys = new WeakMap<CatalogTable, string>();

  const keyOf = (table: CatalogTable): string => {
    const known = keys.get(table) ?? partsKey(table);
    keys.set(table, known);
    return JSON.stringify([table.name, known, ...context.specsOf(table.name).map(indexId)]);
  };

  const look = async (table: CatalogTable): Promise<readonly Standing[]> => {
    const { files, manifests } = context;
    const parts = partsOf(table, context.absolute);
    return Promise.all(
      context.specsOf(table.name).map(async (spec): Promise<Standing> => {
        const serving = await servingSpec(files, manifests, parts, spec);
        const { missing } = await coverageOf(manifests, parts, indexId(serving));
        return { serving, rowsBehind: missing.reduce((sum, { rows }) => sum + rows, 0) };
      }),
    );
  };

  return async (table) => {
    const specs = context.specsOf(table.name);
    const key = keyOf(table);
    const known = kept.get(key);
    const built = context.built();
    if (known?.built === built) {
      const isWhole = known.standings.every(
        ({ serving, rowsBehind }, i) => rowsBehind === 0 && indexId(serving) === indexId(specs[i]!),
      );
      const ageMs = performance.now() - known.lookedAt;
      if (ageMs < (isWhole ? LOOK_AGAIN_MS.whole : LOOK_AGAIN_MS.behind)) return known.standings;
    }
    const found = await look(table);
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(key, { standings: found, built, lookedAt: performance.now() });
    return found;
  };
}

function partsKey(table: CatalogTable): string {
  const paths = tableParts(table).map(({ path }) => path);
  return createHash('sha256').update(JSON.stringify(paths)).digest('base64url');
}
