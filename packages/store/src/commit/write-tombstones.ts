import {
  type CatalogTable,
  orderKey,
  orderKeySql,
  type PartEntry,
  quoteIdentifier,
  quoteLiteral,
  type RunId,
  runTimeValue,
  type TableSchema,
} from '@hakiri/core';
import type { StoreContext } from '../store-context.ts';
import { viewSelect } from '../view/view-sql.ts';
import { fingerprint } from './fingerprint.ts';
import { ROW_GROUP_ROWS } from './row-groups.ts';

export interface TombstoneRequest {
  /** The table with what the run has written so far. */
  readonly table: CatalogTable;
  readonly run: RunId;
  /** Runs whose rows stay. */
  readonly pulled: readonly RunId[];
  readonly firstSequence: number;
  /** Relative path of the part to write. */
  readonly part: string;
}

/** Writes a tombstone for every row that none of the pulled runs holds; undefined when there is none to write. */
export async function writeTombstones(
  { engine, paths, files }: StoreContext,
  { table, run, pulled, firstSequence, part }: TombstoneRequest,
): Promise<{ part: PartEntry; columns: TableSchema; greatestOrder: string } | undefined> {
  const columns = { columns: table.schema.columns.filter(({ name }) => table.primaryKey.includes(name)) };
  const suffix = { generation: 0, run };
  const key = columns.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  const rows = viewSelect(table, { path: paths.absolute, provenance: true });
  const numbered = `SELECT ${key}, row_number() OVER (ORDER BY ${key}) + ${firstSequence - 1} AS "_hakiri_seq"
FROM (${rows}) WHERE "_hakiri_run" NOT IN (${pulled.map(quoteLiteral).join(', ')})`;
  const order = orderKeySql(quoteLiteral(runTimeValue(run)), suffix, '"_hakiri_seq"');
  const output = paths.absolute(part);
  await files.makeFolder(paths.absolute(part.slice(0, part.lastIndexOf('/'))));
  const written = await engine.copy({
    select: `SELECT ${key}, ${quoteLiteral(run)} AS "_hakiri_run", "_hakiri_seq", true AS "_hakiri_deleted", ${order} AS "_hakiri_order" FROM (${numbered}) ORDER BY "_hakiri_seq"`,
    output,
    rowGroupRows: ROW_GROUP_ROWS,
  });
  if (written.rows === 0) return undefined;
  return {
    part: { path: part, ...written, schema: fingerprint(columns) },
    columns,
    greatestOrder: orderKey(runTimeValue(run), suffix, firstSequence + written.rows - 1),
  };
}
