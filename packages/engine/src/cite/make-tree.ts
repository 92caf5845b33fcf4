import { parseTree, type TreeNode } from '../gate/tree.ts';

// Nodes as the parser would make them, for what is added to a query.

export function columnRef(name: string, alias = ''): TreeNode {
  return { class: 'COLUMN_REF', type: 'COLUMN_REF', alias, query_location: 0, column_names: [name] };
}

export function star(exclude: readonly string[]): TreeNode {
  return {
    class: 'STAR',
    type: 'STAR',
    alias: '',
    query_location: 0,
    relation_name: '',
    exclude_list: exclude,
    replace_list: [],
    columns: false,
    expr: null,
    qualified_exclude_list: [],
    rename_list: [],
  };
}

export function structPack(fields: readonly TreeNode[], alias: string): TreeNode {
  return { ...call('struct_pack', fields), alias };
}

export function call(name: string, children: readonly TreeNode[]): TreeNode {
  return {
    class: 'FUNCTION',
    type: 'FUNCTION',
    alias: '',
    query_location: 0,
    function_name: name,
    schema: '',
    children,
    filter: null,
    order_bys: { type: 'ORDER_MODIFIER', orders: [] },
    distinct: false,
    is_operator: false,
    export_state: false,
    catalog: '',
  };
}

export function operator(type: string, children: readonly unknown[]): TreeNode {
  return { class: 'OPERATOR', type, alias: '', query_location: 0, children };
}

export function allOf(children: readonly TreeNode[]): TreeNode {
  const [only, ...others] = children;
  if (only !== undefined && others.length === 0) return only;
  return { class: 'CONJUNCTION', type: 'CONJUNCTION_AND', alias: '', query_location: 0, children };
}

export function atLeast(left: TreeNode, count: number): TreeNode {
  const type = 'COMPARE_GREATERTHANOREQUALTO';
  return { class: 'COMPARISON', type, alias: '', query_location: 0, left, right: integer(count) };
}

/** NULL where the condition does not hold. */
export function onlyWhere(condition: TreeNode, value: TreeNode, alias: unknown): TreeNode {
  return {
    class: 'CASE',
    type: 'CASE_EXPR',
    alias,
    query_location: 0,
    case_checks: [{ when_expr: condition, then_expr: value }],
    else_expr: constant({ type: { id: 'NULL', type_info: null }, is_null: true }),
  };
}

/** More than there are rows: what is asked of them from outside is not evaluated before. */
export function noLimit(): TreeNode {
  const type = { id: 'BIGINT', type_info: null };
  const limit = constant({ type, is_null: false, value: parseTree('9223372036854775807') });
  return { type: 'LIMIT_MODIFIER', limit, offset: null };
}

function integer(value: number): TreeNode {
  return constant({ type: { id: 'INTEGER', type_info: null }, is_null: false, value });
}

function constant(value: TreeNode): TreeNode {
  return { class: 'CONSTANT', type: 'VALUE_CONSTANT', alias: '', query_location: 0, value };
}

export function baseTable(name: string): TreeNode {
  return {
    type: 'BASE_TABLE',
    alias: '',
    sample: null,
    query_location: 0,
    schema_name: '',
    table_name: name,
    column_name_alias: [],
    catalog_name: '',
    at_clause: null,
  };
}

export function select(list: readonly TreeNode[], from: TreeNode, where: unknown = null): TreeNode {
  return {
    type: 'SELECT_NODE',
    modifiers: [],
    cte_map: { map: [] },
    select_list: list,
    from_table: from,
    where_clause: where,
    group_expressions: [],
    group_sets: [],
    aggregate_handling: 'STANDARD_HANDLING',
    having: null,
    sample: null,
    qualify: null,
  };
}

/** A subquery in place of a table, under the table's name, its columns' new names and its sample. */
export function inPlaceOf(table: TreeNode, node: TreeNode): TreeNode {
  return {
    type: 'SUBQUERY',
    alias: table.alias === '' ? table.table_name : table.alias,
    sample: table.sample,
    query_location: 0,
    subquery: { node, named_param_map: [] },
    column_name_alias: table.column_name_alias,
  };
}
