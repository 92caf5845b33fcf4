import type { Citation, Freshness, TableCitation } from '@hakiri/core';
import { z } from 'zod';
import { present } from './present.ts';

export const citationOutput = z
  .object({
    table: z.string(),
    key: z.array(z.unknown()).describe('Values of the key columns, as you see them.'),
    run: z.string().describe('The run that brought the row in.'),
    connector: z.string(),
    author: z.string().describe('Who made the connector.'),
    source_time: z.string().nullable().describe('When the source last changed the row.'),
    address: z
      .string()
      .optional()
      .describe('resources/read resolves it; missing where the key, as you see it, names no row.'),
  })
  .describe('Where a row comes from.');

export const tableCitationOutput = z
  .object({
    table: z.string(),
    snapshot: z.string().nullable(),
    runs: z.array(z.string()).optional().describe('Runs beside the snapshot that were read.'),
    predicate: z.string().nullable(),
    rows_read: z.int().nullable(),
    address: z.string(),
  })
  .describe('A table that was read as a whole.');

export const freshnessOutput = z.object({
  table: z.string(),
  last_commit: z.string(),
  age_ms: z.number(),
  indexes: z.array(
    z.object({
      name: z.string(),
      rows_behind: z.int().optional().describe('Rows the index does not hold yet.'),
    }),
  ),
});

export function citationJson(citation: Citation): z.input<typeof citationOutput> {
  const { table, key, run, connector, author, sourceTime, address } = citation;
  return present({ table, key: [...key], run, connector, author, source_time: sourceTime, address });
}

export function tableCitationJson(citation: TableCitation): z.input<typeof tableCitationOutput> {
  const { table, snapshot, runs, predicate, rowsRead, address } = citation;
  return present({ table, snapshot, runs: runs && [...runs], predicate, rows_read: rowsRead, address });
}

export function freshnessJson(freshness: Freshness): z.input<typeof freshnessOutput> {
  const { table, lastCommit, ageMs, indexes } = freshness;
  return {
    table,
    last_commit: lastCommit,
    age_ms: ageMs,
    indexes: indexes.map(({ name, rowsBehind }) => present({ name, rows_behind: rowsBehind })),
  };
}
