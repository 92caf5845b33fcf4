import { HakiriError, type JsonValue, quoteIdentifier, type RunId, type TableSchema } from '@hakiri/core';
import { jsonValue, mapEngineError } from '@hakiri/engine/child';
import { type TextSource, textSql } from './column-text.ts';
import type { Connection } from './connection.ts';

export interface ReadRow {
  readonly run: RunId;
  readonly seq: number;
  readonly key: readonly JsonValue[];
  /** As asked for. */
  readonly texts: readonly (string | null)[];
}

export interface RowsToRead {
  /** What stands after FROM. */
  readonly from: string;
  /** Of what is read. */
  readonly schema: TableSchema;
  readonly primaryKey: readonly string[];
  readonly texts: readonly TextSource[];
  /** Column with the row's number, which must ascend from 0; undefined where there is none. */
  readonly ordinal?: string;
  readonly where?: string;
  readonly orderBy?: string;
}

/**
 * Reads rows a chunk at a time, in the order in which they come.
 * @throws HakiriError store.damaged, store.io
 */
export async function* readRows(
  connection: Connection,
  rows: RowsToRead,
): AsyncGenerator<readonly ReadRow[]> {
  const { schema, primaryKey } = rows;
  const held = new Set(schema.columns.map(({ name }) => name));
  const keys = primaryKey.map((name) => (held.has(name) ? quoteIdentifier(name) : 'NULL'));
  const texts = rows.texts.map((source) => textSql(schema, source));
  const list = [rows.ordinal ?? 'NULL', '"_hakiri_run"', '"_hakiri_seq"', ...keys, ...texts];
  const where = rows.where === undefined ? '' : ` WHERE ${rows.where}`;
  const order = rows.orderBy === undefined ? '' : ` ORDER BY ${rows.orderBy}`;
  let next = 0;
  try {
    const result = await connection.stream(`SELECT ${list.join(', ')} FROM ${rows.from}${where}${order}`);
    const types = result.columnTypes();
    const textAt = 3 + keys.length;
    for await (const chunk of result) {
      const read: ReadRow[] = [];
      for (const cells of chunk.getRows()) {
        if (rows.ordinal !== undefined && Number(cells[0]) !== next++) {
          throw new HakiriError('internal', 'Rows of a part came in another order than that of the file');
        }
        read.push({
          run: cells[1] as RunId,
          seq: Number(cells[2]),
          key: keys.map((_, i) => jsonValue(cells[3 + i]!, types[3 + i]!)),
          texts: texts.map((_, i) => cells[textAt + i] as string | null),
        });
      }
      yield read;
    }
  } catch (error) {
    if (error instanceof HakiriError) throw error;
    throw mapEngineError(error, 'store.damaged', 'reading rows for an index');
  }
}
