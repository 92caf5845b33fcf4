import type { DuckDBConnection } from '@duckdb/node-api';
import { refuse } from './refusal.ts';
import { isNode, mapTree, parseTree, printTree, type TreeNode } from './tree.ts';

/**
 * A checked tree as the text that is run. The text is parsed again and must say the same: what the tree does not
 * hold, or the text cannot say, is not run.
 * @throws HakiriError query.refused
 */
export async function textOfTree(parser: DuckDBConnection, statement: unknown): Promise<string> {
  const sayable = mapTree(statement, sayDoubles);
  const text = await ask(parser, 'SELECT json_deserialize_sql($1::JSON)', printTree(treeOf(sayable)));
  const again = parseTree(await ask(parser, 'SELECT json_serialize_sql($1::VARCHAR)', text));
  const [said] = Array.isArray(again.statements) ? again.statements : [];
  if (printTree(canonical(sayable)) !== printTree(canonical(said)))
    refuse('uses a construct that cannot be checked', 'Write it in another way, with casts spelled out.');
  return text;
}

function treeOf(statement: unknown): TreeNode {
  return { error: false, statements: [statement] };
}

export async function ask(connection: DuckDBConnection, sql: string, value: string): Promise<string> {
  const reader = await connection.runAndReadAll(sql, [value]);
  return String(reader.getRows()[0]?.[0]);
}

/** `1e3` would be said as `1000.0`, which is a decimal. */
function sayDoubles(node: TreeNode): TreeNode {
  if (node.class !== 'CONSTANT' || !isNode(node.value) || node.value.is_null === true) return node;
  const { type, value } = node.value;
  if (!isNode(type) || type.id !== 'DOUBLE') return node;
  return castOf(node, printTree(value).replaceAll('"', ''), type);
}

/** One form for what is said in two: truth values, and lists of values with and without a SELECT around them. */
function canonical(statement: unknown): unknown {
  return mapTree(statement, (node) => {
    const made = { ...node, ...('query_location' in node ? { query_location: 0 } : {}) };
    return wrappedValues(made) ?? truth(made);
  });
}

function truth(node: TreeNode): TreeNode {
  if (node.class !== 'CONSTANT' || !isNode(node.value) || !isNode(node.value.type)) return node;
  const { type, value, is_null } = node.value;
  if (type.id !== 'BOOLEAN' || is_null === true) return node;
  return castOf(node, value === true ? 't' : 'f', type);
}

function castOf(node: TreeNode, text: string, type: unknown): TreeNode {
  const constant = {
    class: 'CONSTANT',
    type: 'VALUE_CONSTANT',
    alias: '',
    query_location: 0,
    value: { type: { id: 'VARCHAR', type_info: null }, is_null: false, value: text },
  };
  return {
    class: 'CAST',
    type: 'OPERATOR_CAST',
    alias: node.alias,
    query_location: 0,
    child: constant,
    cast_type: type,
    try_cast: false,
  };
}

const VALUES_ALIAS = 'valueslist';

function wrappedValues(node: TreeNode): TreeNode | undefined {
  if (node.type !== 'SUBQUERY' || node.alias !== VALUES_ALIAS || 'class' in node) return undefined;
  const select = isNode(node.subquery) ? node.subquery.node : undefined;
  if (!isNode(select) || !isNode(select.from_table)) return undefined;
  const { from_table: values, select_list: list } = select;
  const isBare =
    values.type === 'EXPRESSION_LIST' &&
    values.alias === VALUES_ALIAS &&
    select.where_clause === null &&
    Array.isArray(select.modifiers) &&
    select.modifiers.length === 0 &&
    Array.isArray(list) &&
    list.length === 1 &&
    isNode(list[0]) &&
    list[0].class === 'STAR';
  return isBare ? values : undefined;
}
