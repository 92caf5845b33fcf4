import {
  COLUMN_ACTIONS,
  type ColumnAction,
  HakiriError,
  PIPELINE_ID_PATTERN,
  type Restrictions,
  TABLE_NAME_PATTERN,
  ZONE_PATTERN,
  ZONE_RULE_PATTERN,
} from '@hakiri/core';

/** What takes something away, on `token issue` as on `token attenuate`. */
export interface RestrictionFlags {
  readonly rows?: string;
  readonly columns?: string;
  readonly column?: readonly string[];
  readonly minGroup?: number;
}

/** Each restriction, for each of the tables. @throws HakiriError usage.argument */
export function restrictionsOf(
  flags: RestrictionFlags,
  tables: readonly string[],
): Pick<Restrictions, 'rows' | 'columns' | 'actions' | 'minGroups'> {
  const { rows, columns, column = [], minGroup } = flags;
  const actions = column.map(parseColumnAction);
  const names = columns === undefined ? undefined : parseNames(columns);
  return {
    rows: rows === undefined ? [] : tables.map((table) => ({ table, predicate: rows })),
    columns: names === undefined ? [] : tables.map((table) => ({ table, names })),
    actions: tables.flatMap((table) => actions.map((action) => ({ table, ...action }))),
    minGroups: minGroup === undefined ? [] : tables.map((table) => ({ table, rows: minGroup })),
  };
}

/** Or a star, for all of them. */
export const isTable = (text: string): boolean => text === '*' || TABLE_NAME_PATTERN.test(text);

/** A table or a pipeline, or a star for all of them. @throws HakiriError usage.argument */
export function parseTable(text: string): string {
  if (isTable(text) || PIPELINE_ID_PATTERN.test(text)) return text;
  throw new HakiriError('usage.argument', `"${text}" is not the name of a table`, {
    hint: 'Lower-case letters, digits and underscores; "*" is all tables.',
  });
}

/** Where a caller's model runs. @throws HakiriError usage.argument */
export function parseZone(text: string): string {
  if (ZONE_PATTERN.test(text)) return text;
  throw new HakiriError('usage.argument', `"${text}" is not a zone`, {
    hint: 'Write local:device, on-prem:NAME, private-cloud:NAME or public-cloud:NAME.',
  });
}

/** A zone, or the start of some and a star. @throws HakiriError usage.argument */
export function parseZoneRule(text: string): string {
  if (ZONE_RULE_PATTERN.test(text)) return text;
  throw new HakiriError('usage.argument', `"${text}" is not a zone`, {
    hint: 'Write local:device, on-prem:NAME, private-cloud:NAME or public-cloud:NAME; on-prem:* is any of a kind.',
  });
}

function parseNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw new HakiriError('usage.argument', `"${text}" is not a list of columns`, {
    hint: 'Write --columns id,title,user.login.',
  });
}

function parseColumnAction(text: string): { readonly column: string; readonly action: ColumnAction } {
  const at = text.lastIndexOf('=');
  const column = text.slice(0, Math.max(at, 0)).trim();
  const action = COLUMN_ACTIONS.find((each) => each === text.slice(at + 1).trim());
  if (column !== '' && action !== undefined) return { column, action };
  throw new HakiriError('usage.argument', `"${text}" does not say what is done to a column`, {
    hint: `Write --column email=mask; there is: ${COLUMN_ACTIONS.join(', ')}.`,
  });
}
