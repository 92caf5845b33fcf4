import { parseTableName, type TableName } from '../ids.ts';
import { FINDABLE_PII_TYPES } from '../pii-type.ts';
import { nearest } from '../suggest.ts';
import type { ColumnSpec, PolicySpec, PolicyTest } from './model.ts';
import type { RawPolicy, RawPolicyTest } from './policy-schema.ts';
import type { Problem } from './problem.ts';

export function toPolicy({ table, rows, columns, min_group }: RawPolicy): PolicySpec {
  return {
    table: parseTableName(table),
    rows,
    columns: Object.entries(columns ?? {}).map(([name, action]) => ({ name, action })),
    minGroup: min_group,
  };
}

export function toPolicyTest(raw: RawPolicyTest): PolicyTest {
  const { as } = raw;
  const table = parseTableName(raw.table);
  return {
    name: raw.name,
    table,
    caller:
      as === undefined
        ? undefined
        : {
            agent: as.agent ?? 'agent',
            zone: as.zone,
            tables: as.tables?.map(parseTableName) ?? [table],
            actions: as.actions ?? ['read'],
            rows: as.rows,
            columns: as.columns,
            column: Object.entries(as.column ?? {}).map(([name, action]) => ({ name, action })),
            minGroup: as.min_group,
          },
    hidden: raw.hidden,
    sees: raw.sees ?? [],
    hides: raw.hides ?? [],
    columns: Object.entries(raw.columns ?? {}).map(([name, action]) => ({ name, action })),
    allRows: raw.all_rows,
    minGroup: raw.min_group,
  };
}

/** A table as far as its policies go: its name, and what is declared of its columns. */
export interface DeclaredTable {
  readonly name: TableName;
  readonly columns: readonly ColumnSpec[];
}

/** Columns that quote others which nobody could find in a text. */
export function quoteProblems(tables: readonly DeclaredTable[]): readonly Problem[] {
  return tables.flatMap(({ name, columns }) =>
    columns.flatMap((column) =>
      column.contains.flatMap((target): readonly Problem[] => {
        const problem = quoteProblem(target, tables);
        if (problem === undefined) return [];
        const place = `table "${name}" > columns > ${column.name} > contains`;
        return [{ code: 'policy.invalid', file: '', place, message: `"${target}": ${problem}` }];
      }),
    ),
  );
}

function quoteProblem(target: string, tables: readonly DeclaredTable[]): string | undefined {
  const dot = target.indexOf('.');
  const [table, column] = [target.slice(0, dot), target.slice(dot + 1)];
  const among = tables.filter(({ name }) => name === table);
  if (among.length === 0)
    return `no pipeline lists a table "${table}"${meant(
      table,
      tables.map(({ name }) => name),
    )}`;
  const declared = among.flatMap(({ columns }) => columns);
  const found = declared.filter(({ name }) => name.toLowerCase() === column.toLowerCase());
  if (found.length === 0) {
    return `the table "${table}" declares no column "${column}"${meant(
      column,
      declared.map(({ name }) => name),
    )}`;
  }
  if (found.some(({ piiType }) => piiType !== undefined && FINDABLE_PII_TYPES.includes(piiType)))
    return undefined;
  return `its pii_type has to be one that is found in texts: ${FINDABLE_PII_TYPES.join(', ')}`;
}

/** Policies and expectations of a table that is spelled otherwise: they would hold for nothing. */
export function strayPolicies(
  policies: readonly { readonly table: TableName; readonly place: string }[],
  fed: readonly TableName[],
): readonly Problem[] {
  return policies.flatMap(({ table, place }): readonly Problem[] => {
    // What no pipeline feeds may still be in the store, or be a table of memory.
    const near = fed.includes(table) || table.startsWith('memory_') ? undefined : nearest(table, fed);
    if (near === undefined) return [];
    return [
      {
        code: 'policy.invalid',
        file: '',
        place,
        message: `no pipeline feeds a table "${table}"; did you mean "${near}"?`,
      },
    ];
  });
}

function meant(name: string, among: readonly string[]): string {
  const near = nearest(name, among);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}
