import type { SeenTable } from '@hakiri/access';
import type { IndexSpec, TableSchema } from '@hakiri/core';
import { lookUpPath } from '../query/columns.ts';
import type { MatchedColumns } from '../search/request.ts';

/**
 * Indexes as a grant knows them: keyword indexes over the columns that may be matched, vector indexes where all of
 * theirs may; twins serve in the place of others and are not told.
 * @param specs twins included
 * @param schema of the table in the store
 */
export function visibleIndexes(
  specs: readonly IndexSpec[],
  schema: TableSchema,
  seen: SeenTable,
): readonly IndexSpec[] {
  const declared = specs.filter(({ scrubbed }) => scrubbed === undefined);
  if (seen.isWhole) return declared;
  return declared.flatMap((spec): readonly IndexSpec[] => {
    const columns = spec.columns.filter(
      (column) => matchOf(spec, column, { specs, schema, seen }) !== undefined,
    );
    if (columns.length === spec.columns.length) return [spec];
    return spec.kind === 'vector' || columns.length === 0 ? [] : [{ ...spec, columns }];
  });
}

/** What may be matched of the indexes' columns; undefined where everything may. */
export function matchedColumns(
  specs: readonly IndexSpec[],
  schema: TableSchema,
  seen: SeenTable,
): MatchedColumns | undefined {
  if (seen.isWhole) return undefined;
  const columns = [...new Set(specs.flatMap((spec) => spec.columns))];
  const served = (as: ReturnType<typeof servedAs>) =>
    columns.filter((column) => servedAs(column, schema, seen) === as);
  return { clear: served('clear'), scrubbed: served('scrubbed') };
}

function matchOf(
  { name }: IndexSpec,
  column: string,
  { specs, schema, seen }: { specs: readonly IndexSpec[]; schema: TableSchema; seen: SeenTable },
): 'clear' | 'scrubbed' | undefined {
  const served = servedAs(column, schema, seen);
  if (served !== 'scrubbed') return served;
  const twin = specs.find(({ scrubbed }) => scrubbed?.twinOf === name);
  return twin?.scrubbed?.columns.some((one) => one.column === column) ? served : undefined;
}

/** How a column of an index is served as text; undefined where it is not, or as something else. */
function servedAs(column: string, schema: TableSchema, seen: SeenTable): 'clear' | 'scrubbed' | undefined {
  const { path: [top = '', ...fields] = [] } = lookUpPath(column, schema) ?? {};
  // What the table does not have yet has nothing to keep back.
  if (top === '' || seen.clearColumns.has(top)) return 'clear';
  if (fields.length === 0) return seen.scrubbedColumns.has(top) ? 'scrubbed' : undefined;
  if (lookUpPath(column, seen.schema) === undefined) return undefined;
  const acted = seen.acted.filter((one) => overlap(one.column, column));
  if (acted.length === 0) return 'clear';
  return acted.every((one) => one.action === 'scrub' && sameName(one.column, column))
    ? 'scrubbed'
    : undefined;
}

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

function overlap(a: string, b: string): boolean {
  const [one, other] = [`${a.toLowerCase()}.`, `${b.toLowerCase()}.`];
  return one.startsWith(other) || other.startsWith(one);
}
