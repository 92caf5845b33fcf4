/**
 * Stands in for the duckdb CLI, which is no npm package: the same engine, in memory, without Hakiri. Knows
 * `-c STATEMENT`, `-c ".read FILE"` and `-csv`; prints like the CLI does with `-csv`.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';

const { values } = parseArgs({
  options: { c: { type: 'string', short: 'c', multiple: true }, csv: { type: 'boolean' } },
  args: process.argv.slice(2).map((arg) => (arg === '-csv' ? '--csv' : arg)),
});
const connection = await (await DuckDBInstance.create(':memory:')).connect();
for (const statement of values.c ?? []) {
  const file = /^\.read (.+)$/.exec(statement)?.[1];
  if (file !== undefined) {
    await connection.run(readFileSync(file, 'utf8'));
    continue;
  }
  const reader = await connection.runAndReadAll(statement);
  for (const row of [reader.columnNames(), ...reader.getRowsJson()]) {
    console.log(row.map(cell).join(','));
  }
}

function cell(value: unknown): string {
  const text = value === null ? '' : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
