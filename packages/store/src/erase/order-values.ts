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
      const own = reach(source.held, facts.incremental ?? '')?.sql ?? 'NULL';
      const rows = await context.engine.select(
        sql(source, own, found.conditions.get(source.path) ?? 'false'),
      );
      for (const [answer] of rows) if (typeof answer === 'string') answers.push(answer);
    }
    return answers;
  };
  const candidates = new Set([
    ...greatest.flatMap((order) => (order === null ? [] : orderValueOf(order))),
    ...texts.map(valuePart),
    ...(await ask(
      ({ from }, own, gone) =>
        `SELECT DISTINCT ${VALUE} FROM ${from} WHERE ${own} IS NULL AND "_hakiri_order" LIKE '${TEXT_RANK}%' AND NOT ${gone}`,
    )),
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
  return {
    mapped(order) {
      const other = order === null ? undefined : instead.get(orderValueOf(order));
      return order === null || other === undefined ? order : `${other.value}${order.slice(-SUFFIX_CHARS)}`;
    },
    changed: await changedSources(context, facts, sources, found, instead),
    text(text) {
      const other = instead.get(valuePart(text));
      return other === undefined ? undefined : textOf(other.below);
    },
  };
}

async function changedSources(
  { engine }: StoreContext,
  facts: TableFacts,
  sources: readonly Source[],
  found: FoundRows,
  instead: ReadonlyMap<string, { readonly value: string }>,
): Promise<OrderValues['changed']> {
  const arms = [...instead].map(([value, other]) => `WHEN ${textSql(value)} THEN ${textSql(other.value)}`);
  const changed = new Map<string, { readonly order: string; readonly condition: string }>();
  for (const source of sources) {
    const own = reach(source.held, facts.incremental ?? '')?.sql ?? 'NULL';
    const condition = `(${own} IS NULL AND ${VALUE} IN (${listSql(instead.keys())}))`;
    const gone = found.conditions.get(source.path) ?? 'false';
    const [[count] = []] = await engine.select(
      `SELECT count(*) FROM ${source.from} WHERE ${condition} AND NOT ${gone}`,
    );
    if (Number(count) === 0) continue;
    const order = `CASE WHEN ${condition} THEN concat(CASE ${VALUE} ${arms.join(' ')} END, right("_hakiri_order", ${SUFFIX_CHARS})) ELSE "_hakiri_order" END`;
    changed.set(source.path, { order, condition });
  }
  return changed;
}

/** As `textValue` writes it. */
const valuePart = (text: string): string => `${TEXT_RANK}${text.replaceAll('\0', '\0\u00ff')}\0`;

/** Null for a value that is no text, or stands for another already. */
function textOf(value: string): string | null {
  if (!value.startsWith(TEXT_RANK) || !value.endsWith('\0')) return null;
  return value.slice(1, -1).replaceAll('\0\u00ff', '\0');
}
