import { dirname } from 'node:path';
import type { PartEntry } from '@hakiri/core';
import { countBack } from '../commit/count-back.ts';
import { ROW_GROUP_ROWS } from '../commit/row-groups.ts';
import type { StoreContext } from '../store-context.ts';
import type { FoundRows } from './find-rows.ts';
import type { OrderValues } from './order-values.ts';
import type { Source } from './sources.ts';

/** New small files wait under this ending until the plan is on the disk. */
const WAITING = '.erased';

/** A file whose new content lies ready beside it; `from` null for one that only goes. Relative. */
export interface Replacement {
  readonly path: string;
  readonly from: string | null;
}

/** Paths of the files that change. */
export function touchedPaths(found: FoundRows, orders: OrderValues): ReadonlySet<string> {
  return new Set([...found.conditions.keys(), ...orders.changed.keys()]);
}

/** Writes a part anew, under another name beside it, without the rows that go; null when none is left. */
export async function rewritePart(
  context: StoreContext,
  source: Source & { readonly part: PartEntry },
  found: FoundRows,
  orders: OrderValues,
): Promise<PartEntry | null> {
  const { engine, files, paths } = context;
  const path = nextName(source.path);
  const changed = orders.changed.get(source.path);
  const columns = changed
    ? `* EXCLUDE ("file_row_number") REPLACE (${changed.order} AS "_hakiri_order")`
    : '* EXCLUDE ("file_row_number")';
  const gone = found.conditions.get(source.path) ?? 'false';
  const written = await engine.copy({
    select: `SELECT ${columns} FROM ${source.from} WHERE NOT ${gone}`,
    output: paths.absolute(path),
    rowGroupRows: ROW_GROUP_ROWS,
  });
  if (written.rows === 0) return null;
  const part = { path, ...written, schema: source.part.schema };
  await files.sync(paths.absolute(path));
  await files.syncFolder(dirname(paths.absolute(path)));
  await countBack(context, part);
  return part;
}

/** Parts are never written over: `part-00000.parquet`, `part-00000-1.parquet`, and so on. */
function nextName(path: string): string {
  const [, stem = path, times = '0'] = /^(.*?\/part-\d+)(?:-(\d+))?\.parquet$/.exec(path) ?? [];
  return `${stem}-${Number(times) + 1}.parquet`;
}

/** The text of a file of small writes without the rows that go. Lines nobody can read go as well. */
export async function rewriteDelta(
  { engine, files, paths }: StoreContext,
  source: Source,
  found: FoundRows,
  orders: OrderValues,
): Promise<string> {
  const sequences = async (condition: string | undefined): Promise<ReadonlySet<number>> => {
    if (condition === undefined) return new Set();
    const rows = await engine.select(`SELECT "_hakiri_seq" FROM ${source.from} WHERE ${condition}`);
    return new Set(rows.map(([seq]) => Number(seq)));
  };
  const gone = await sequences(found.conditions.get(source.path));
  const changed = await sequences(orders.changed.get(source.path)?.condition);
  const [head = '', ...lines] = (await files.readText(paths.absolute(source.path))).split('\n');
  const kept = lines.flatMap((line) => {
    const commit = splitCommit(line);
    if (commit === undefined) return [];
    const rows = commit.rows.flatMap((row) => {
      const { _hakiri_seq: seq } = JSON.parse(row) as { readonly _hakiri_seq: number };
      if (gone.has(seq)) return [];
      return changed.has(seq) ? withOrder(row, orders) : row;
    });
    return rows.length === 0 ? [] : `{"at":${JSON.stringify(commit.at)},"rows":[${rows.join(',')}]}`;
  });
  return [headWith(head, orders), ...kept].map((line) => `${line}\n`).join('');
}

function headWith(line: string, orders: OrderValues): string {
  const head = JSON.parse(line) as { readonly greatest_order: string | null };
  return JSON.stringify({ ...head, greatest_order: orders.mapped(head.greatest_order) });
}

const ORDER = ',"_hakiri_order":';

/** Its order is what a row ends with. */
function withOrder(row: string, orders: OrderValues): string {
  const { _hakiri_order: order } = JSON.parse(row) as { readonly _hakiri_order: string };
  return `${row.slice(0, row.lastIndexOf(ORDER))}${ORDER}${JSON.stringify(orders.mapped(order))}}`;
}

/** The text of each row, as it stands: a number read and written again may not be the same. */
function splitCommit(line: string): { readonly at: string; readonly rows: readonly string[] } | undefined {
  let at: unknown;
  try {
    at = (JSON.parse(line) as { readonly at?: unknown }).at;
  } catch {
    return undefined;
  }
  const start = line.indexOf('"rows":[');
  if (typeof at !== 'string' || start < 0) return undefined;
  const rows: string[] = [];
  let depth = 0;
  let first = 0;
  let inText = false;
  for (let i = start + '"rows":['.length; i < line.length; i++) {
    const char = line[i];
    if (inText) {
      if (char === '\\') i++;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === '{' || char === '[') {
      if (depth++ === 0) first = i;
    } else if (char === '}' || char === ']') {
      if (depth === 0) break;
      if (--depth === 0) rows.push(line.slice(first, i + 1));
    }
  }
  return { at, rows };
}

/** Lays new content ready beside a file. */
export async function layReady(
  { files, paths }: StoreContext,
  path: string,
  text: string | null,
): Promise<Replacement> {
  if (text === null) return { path, from: null };
  const from = `${path}${WAITING}`;
  await files.write(paths.absolute(from), text);
  await files.sync(paths.absolute(from));
  await files.syncFolder(paths.absolute(path.slice(0, path.lastIndexOf('/'))));
  return { path, from };
}
