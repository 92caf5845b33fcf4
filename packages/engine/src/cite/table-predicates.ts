import type { DuckDBConnection } from '@duckdb/node-api';
import { textOfTree } from '../gate/round-trip.ts';
import { isNode, type TreeNode } from '../gate/tree.ts';
import { baseTable, columnRef, select } from './make-tree.ts';

/**
 * The condition under which rows of a table count, as SQL, by lower-cased name: of tables that stand once in the
 * query, and alone in their FROM. Of others the conditions are spread over the query.
 */
export async function tablePredicates(
  parser: DuckDBConnection,
  statement: TreeNode,
): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, number>();
  const conditions = new Map<string, unknown>();
  visit(statement, (node) => {
    if (node.type === 'BASE_TABLE') {
      const name = String(node.table_name).toLowerCase();
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    const from = node.from_table;
    if (
      node.type === 'SELECT_NODE' &&
      isNode(from) &&
      from.type === 'BASE_TABLE' &&
      node.where_clause !== null
    )
      conditions.set(String(from.table_name).toLowerCase(), node.where_clause);
  });
  const found = new Map<string, string>();
  for (const [name, condition] of conditions) {
    if (seen.get(name) !== 1 || holdsSubquery(condition)) continue;
    const node = select([columnRef('x')], baseTable('t'), condition);
    const text = await textOfTree(parser, { node, named_param_map: [] });
    found.set(name, text.slice(text.indexOf(' WHERE ') + ' WHERE '.length));
  }
  return found;
}

function holdsSubquery(condition: unknown): boolean {
  let found = false;
  visit(condition, (node) => {
    if (node.class === 'SUBQUERY') found = true;
  });
  return found;
}

function visit(value: unknown, see: (node: TreeNode) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, see);
  else if (isNode(value)) {
    see(value);
    for (const part of Object.values(value)) visit(part, see);
  }
}
