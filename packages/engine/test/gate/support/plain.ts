import { DuckDBInstance } from '@duckdb/node-api';
import type { JsonValue } from '@hakiri/core';
import { jsonValue } from '../../../src/child/json-value.ts';
import { createRelation } from '../../../src/child/relations.ts';
import type { Session } from '../../../src/index.ts';

export interface PlainEngine {
  ask(sql: string): Promise<{ readonly columns: readonly string[]; readonly rows: readonly JsonValue[][] }>;
  close(): void;
}

/** The same tables in the engine itself: no gate, nothing rewritten, nothing locked. */
export async function plainEngine({ views, relations = [] }: Session): Promise<PlainEngine> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  for (const view of views) await connection.run(view);
  for (const relation of relations) await createRelation(connection, relation);
  return {
    async ask(sql) {
      const reader = await connection.runAndReadAll(sql);
      const types = reader.columnTypes();
      return {
        columns: reader.deduplicatedColumnNames(),
        rows: reader
          .getRows()
          .map((row) => row.map((cell, i) => jsonValue(cell, types[i] as (typeof types)[number]))),
      };
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Rows without their order. */
export function unordered(rows: readonly (readonly JsonValue[])[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
