import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runBinary } from './support/binary.ts';
import { emptyFolder } from './support/harness.ts';

test('descriptions and hints show for a table that keeps its default name', (t) => {
  const folder = emptyFolder(t);
  writeFileSync(join(folder, 'orders.csv'), 'id\n1\n');
  writeFileSync(
    join(folder, 'hakiri.toml'),
    `[project]
name = "demo"

[[pipeline]]
id = "orders"
source = { connector = "file", config = { path = "orders.csv" } }

  [[pipeline.tables]]
  source = "orders"
  agent_description = "Orders of the shop."
  columns.id = { agent_hint = "Counts up." }
`,
  );
  assert.equal(runBinary(folder, ['run']).code, 0);
  const { stdout } = runBinary(folder, ['describe', 'file_orders', '--json']);
  const table = JSON.parse(stdout);
  assert.equal(table.description, 'Orders of the shop.');
  assert.equal(table.columns[0].hint, 'Counts up.');
});
