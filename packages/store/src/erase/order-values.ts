import { compareText, orderKey, orderValueOf, type RunId } from '@hakiri/core';
import type { StoreContext } from '../store-context.ts';
import type { FoundRows } from './find-rows.ts';
import { listSql, reach, type Source, type TableFacts, textSql } from './sources.ts';

/**
 * Text in the order of rows that go. Rows without a value of their own, deletes among them, have inherited it, and
 * manifests name it as the greatest there was; what stands in its place sorts the same against all that stays.
 */
export interface OrderValues {
  /** An order key, or the same with another value part. */
  mapped(order: string | null): string | null;
  /** By the path of a file in which rows have to change: SQL for their order, and which rows. */
  readonly changed: ReadonlyMap<string, { readonly order: string; readonly condition: string }>;
  /** What a cursor says instead of a text; undefined for one that stays, null where nothing is left to say. */
  text(text: string): string | null | undefined;
}

export const SAME_ORDERS: OrderValues = {
  mapped: (order) => order,
  changed: new Map(),
  text: () => undefined,
};

/** What follows the value part has one length. */
const SUFFIX_CHARS = orderKey('', { generation: 0, run: '0'.repeat(26) as RunId }, 0).length;
const VALUE = `left("_hakiri_order", length("_hakiri_order") - ${SUFFIX_CHARS})`;
const TEXT_RANK = '3';
/** Sorts after what ends a value part in an order key, and after nothing that a longer text could go on with. */
const AFTER = '~';

export interface OrderQuestion {
  readonly sources: readonly Source[];
  readonly found: FoundRows;
  /** Order keys in manifests. */
  readonly greatest: readonly (string | null)[];
  /** Texts in cursors. */
  readonly texts: readonly string[];
  /** An order key from before these files that stays. */
  readonly before?: string | null;
}

export async function orderValues(
  context: StoreContext,
  facts: TableFacts,
  { sources, found, greatest, texts, before }: OrderQuestion,
): Promise<OrderValues> {
  if (facts.incremental === null || facts.mode === 'replace' || found.conditions.size === 0)
    return SAME_ORDERS;
  const ask = async (sql: (source: Source, own: string, gone: string) => string): Promise<string[]> => {
    const answers: string[] = [];
    for (const source of sources) {
      const own = ownSql(facts, source);
      const rows = await context.engine.select(
        sql(source, own, found.conditions.get(source.path) ?? 'false'),
      );
      for (const [answer] of rows) if (typeof answer === 'string') answers.push(answer);
    }
    return answers;
  };
  const inherited = new Map<string, readonly string[]>();
  for (const source of sources)
    inherited.set(source.path, await inheritedValues(context, facts, source, found));
  const candidates = new Set([
    ...greatest.flatMap((order) => (order === null ? [] : split(orderValueOf(order)).base)),
    ...texts.map(valuePart),
    ...[...inherited.values()].flat().map((value) => split(value).base),
  ]);
  const inText = [...candidates].filter((value) => value.startsWith(TEXT_RANK));
  if (inText.length === 0) return SAME_ORDERS;
  const among = `${VALUE} IN (${listSql(inText)})`;
  const went = await ask(
    ({ from }, own, gone) =>
      `SELECT DISTINCT ${VALUE} FROM ${from} WHERE ${gone} AND ${own} IS NOT NULL AND ${among}`,
  );
  const stays = new Set(
    await ask(
      ({ from }, own, gone) =>
        `SELECT DISTINCT ${VALUE} FROM ${from} WHERE NOT ${gone} AND ${own} IS NOT NULL AND ${among}`,
    ),
  );
  const values = [...new Set(went)].filter((value) => !stays.has(value)).sort(compareText);
  if (values.length === 0) return SAME_ORDERS;
  const instead = new Map<string, { readonly value: string; readonly below: string }>();
  for (const [i, value] of values.entries()) {
    const lesser = await ask(
      ({ from }, own, gone) =>
        `SELECT max(${VALUE}) FROM ${from} WHERE NOT ${gone} AND ${own} IS NOT NULL AND ${VALUE} < ${textSql(value)}`,
    );
    const earlier = before ? [orderValueOf(before)].filter((part) => compareText(part, value) < 0) : [];
    const below = [...lesser, ...earlier].sort(compareText).at(-1) ?? '0';
    instead.set(value, { value: `${below}${AFTER}${String(i).padStart(6, '0')}`, below });
  }
  const other = (value: string): string | undefined => {
    const { base, tail } = split(value);
    const found = instead.get(base);
    return found && `${found.value}${tail}`;
  };
  const changed = new Map<string, { readonly order: string; readonly condition: string }>();
  for (const source of sources) {
    const values = (inherited.get(source.path) ?? []).filter((value) => other(value) !== undefined);
    if (values.length > 0) changed.set(source.path, changeOf(facts, source, values, other));
  }
  return {
    mapped(order) {
      const value = order === null ? undefined : other(orderValueOf(order));
      return order === null || value === undefined ? order : `${value}${order.slice(-SUFFIX_CHARS)}`;
    },
    changed,
    text(text) {
      const found = instead.get(valuePart(text));
      return found && textOf(split(found.below).base);
    },
  };
}

/** What stands in the place of a value names the value below it, which may go as well, later. */
function split(value: string): { readonly base: string; readonly tail: string } {
  const tail = /(?:~\d{6})*$/.exec(value)?.[0] ?? '';
  return { base: value.slice(0, value.length - tail.length), tail };
}

const ownSql = (facts: TableFacts, { held }: Source): string =>
  reach(held, facts.incremental ?? '')?.sql ?? 'NULL';

/** Texts in the order of rows that stay and have no value of their own. */
async function inheritedValues(
  { engine }: StoreContext,
  facts: TableFacts,
  source: Source,
  found: FoundRows,
): Promise<readonly string[]> {
  const gone = found.conditions.get(source.path) ?? 'false';
  const rows = await engine.select(
    `SELECT DISTINCT ${VALUE} FROM ${source.from} WHERE ${ownSql(facts, source)} IS NULL AND "_hakiri_order" LIKE '${TEXT_RANK}%' AND NOT ${gone}`,
  );
  return rows.map(([value]) => String(value));
}

function changeOf(
  facts: TableFacts,
  source: Source,
  values: readonly string[],
  other: (value: string) => string | undefined,
): { readonly order: string; readonly condition: string } {
  const condition = `(${ownSql(facts, source)} IS NULL AND ${VALUE} IN (${listSql(values)}))`;
  const arms = values.map((value) => `WHEN ${textSql(value)} THEN ${textSql(other(value) ?? value)}`);
  const order = `CASE WHEN ${condition} THEN concat(CASE ${VALUE} ${arms.join(' ')} END, right("_hakiri_order", ${SUFFIX_CHARS})) ELSE "_hakiri_order" END`;
  return { order, condition };
}

/** As `textValue` writes it. */
const valuePart = (text: string): string => `${TEXT_RANK}${text.replaceAll('\0', '\0\u00ff')}\0`;

/** Null for a value that is no text. */
function textOf(value: string): string | null {
  if (!value.startsWith(TEXT_RANK) || !value.endsWith('\0')) return null;
  return value.slice(1, -1).replaceAll('\0\u00ff', '\0');
}
