import { HakiriError } from '@hakiri/core';
import { OVER_FUNCTIONS, ROW_FUNCTIONS, TABLE_FUNCTIONS } from './allowed-functions.ts';
import { didYouMean, refuse, shown } from './refusal.ts';
import { isNode, type TreeNode } from './tree.ts';

/** What a tree uses of what it was given. */
export interface TreeUse {
  /** Views and relations, by their own spelling. */
  readonly relations: ReadonlySet<string>;
}

interface Scope {
  /** Views and relations of the session by lower-cased name. */
  readonly relations: ReadonlyMap<string, string>;
  /** Lower-cased names of the CTEs that may be named here. */
  readonly ctes: ReadonlySet<string>;
  readonly used: Set<string>;
  readonly depth: number;
}

type Check = (value: unknown, scope: Scope) => void;
type Shape = Readonly<Record<string, Check>>;

/** Deeper than any question, and far from the end of the engine's own stack. */
const MAX_DEPTH = 300;

/**
 * Judges a whole parse tree. Every kind of node and every property of it is known here: what is not is refused, so
 * that a construct of a newer engine cannot slip through.
 * @param relations the names that the query may read
 * @throws HakiriError query.refused, query.unknown_table, query.invalid
 */
export function checkTree(statement: unknown, relations: Iterable<string>): TreeUse {
  const used = new Set<string>();
  const known = new Map([...relations].map((name) => [name.toLowerCase(), name]));
  statementOf(statement, { relations: known, ctes: new Set(), used, depth: 0 });
  return { relations: used };
}

// Leaves ------------------------------------------------------------------------------------------------------------

const plain: Check = (value) => {
  if (typeof value === 'object' && isNode(value)) unknownNode(value);
  if (Array.isArray(value)) refuse('holds something that is not known here');
};

/** Something that must not be there. */
const absent =
  (what: string): Check =>
  (value) => {
    const isAbsent =
      value === null || value === '' || value === false || (Array.isArray(value) && value.length === 0);
    if (!isAbsent) refuse(what);
  };

/** Types, constants, lists of names: nothing in them is an expression or a table. */
const data: Check = (value, scope) => {
  const inner = deeper(scope);
  if (Array.isArray(value)) for (const item of value) data(item, inner);
  else if (isNode(value)) {
    if ('class' in value || 'node' in value || 'table_name' in value) unknownNode(value);
    if (typeof value.catalog === 'string' && value.catalog !== '') refuse('names a catalog');
    if (typeof value.schema === 'string' && value.schema !== '') refuse('names a schema');
    for (const part of Object.values(value)) data(part, inner);
  }
};

const collation: Check = (value) => {
  if (typeof value !== 'string' || !/^[A-Za-z_.]{1,40}$/.test(value)) refuse('uses an unknown collation');
};

// Expressions -------------------------------------------------------------------------------------------------------

const EXPRESSION: Shape = { class: plain, type: plain, alias: plain, query_location: plain };

const expression: Check = (value, scope) => {
  if (value === null) return;
  if (!isNode(value)) refuse('holds something that is not known here');
  const kind = EXPRESSIONS[String(value.class)];
  if (!kind?.types.test(String(value.type))) unknownNode(value);
  checkShape(value, { ...EXPRESSION, ...kind.shape }, deeper(scope));
};

const listOf =
  (check: Check): Check =>
  (value, scope) => {
    if (!Array.isArray(value)) refuse('holds something that is not known here');
    for (const item of value) check(item, scope);
  };

const objectOf =
  (shape: Shape): Check =>
  (value, scope) => {
    if (value === null) return;
    if (!isNode(value)) refuse('holds something that is not known here');
    checkShape(value, shape, deeper(scope));
  };

const expressions = listOf(expression);
const orders = listOf(objectOf({ type: plain, null_order: plain, expression }));

const functionCall =
  (allowed: ReadonlySet<string>): Check =>
  (value) => {
    const name = String(value).toLowerCase();
    if (!allowed.has(name)) throw new FunctionRefused(name, allowed);
  };

/** A function's schema may be a column, of which it is called like a method. */
const callSchema: Check = (value) => {
  if (/^(pg_catalog|information_schema|system|temp)$/i.test(String(value))) refuse('names a schema');
};

const statementOf: Check = (value, scope) =>
  objectOf({ node: queryNode, named_param_map: absent('has parameters') })(value, scope);

interface Kind {
  readonly types: RegExp;
  readonly shape: Shape;
}

const EXPRESSIONS: Readonly<Record<string, Kind>> = {
  BETWEEN: {
    types: /^COMPARE_(NOT_)?BETWEEN$/,
    shape: { input: expression, lower: expression, upper: expression },
  },
  CASE: {
    types: /^CASE_EXPR$/,
    shape: {
      case_checks: listOf(objectOf({ when_expr: expression, then_expr: expression })),
      else_expr: expression,
    },
  },
  CAST: { types: /^OPERATOR_CAST$/, shape: { child: expression, cast_type: data, try_cast: plain } },
  COLLATE: { types: /^COLLATE$/, shape: { child: expression, collation } },
  COLUMN_REF: { types: /^COLUMN_REF$/, shape: { column_names: listOf(plain) } },
  COMPARISON: {
    types:
      /^COMPARE_((NOT)?EQUAL|LESSTHAN|GREATERTHAN|LESSTHANOREQUALTO|GREATERTHANOREQUALTO|(NOT_)?DISTINCT_FROM)$/,
    shape: { left: expression, right: expression },
  },
  CONJUNCTION: { types: /^CONJUNCTION_(AND|OR)$/, shape: { children: expressions } },
  CONSTANT: { types: /^VALUE_CONSTANT$/, shape: { value: data } },
  FUNCTION: {
    types: /^FUNCTION$/,
    shape: {
      function_name: functionCall(ROW_FUNCTIONS),
      schema: callSchema,
      catalog: absent('names a catalog'),
      children: expressions,
      filter: expression,
      order_bys: objectOf({ type: plain, orders }),
      distinct: plain,
      is_operator: plain,
      export_state: absent('exports the state of an aggregate'),
    },
  },
  LAMBDA: { types: /^LAMBDA$/, shape: { lhs: expression, expr: expression } },
  OPERATOR: {
    types:
      /^(ARRAY_EXTRACT|ARRAY_SLICE|ARRAY_CONSTRUCTOR|STRUCT_EXTRACT|COMPARE_(NOT_)?IN|GROUPING_FUNCTION|OPERATOR_(COALESCE|IS_NULL|IS_NOT_NULL|NOT|NULLIF|TRY|UNPACK))$/,
    shape: { children: expressions },
  },
  POSITIONAL_REFERENCE: { types: /^POSITIONAL_REFERENCE$/, shape: { index: plain } },
  STAR: {
    types: /^STAR$/,
    shape: {
      relation_name: plain,
      exclude_list: data,
      replace_list: listOf(objectOf({ key: plain, value: expression })),
      columns: plain,
      expr: expression,
      qualified_exclude_list: data,
      rename_list: data,
    },
  },
  SUBQUERY: {
    types: /^SUBQUERY$/,
    shape: { subquery_type: plain, subquery: statementOf, child: expression, comparison_type: plain },
  },
  WINDOW: {
    types: /^WINDOW_[A-Z_]+$/,
    shape: {
      function_name: functionCall(OVER_FUNCTIONS),
      schema: callSchema,
      catalog: absent('names a catalog'),
      children: expressions,
      partitions: expressions,
      orders,
      start: plain,
      end: plain,
      start_expr: expression,
      end_expr: expression,
      offset_expr: expression,
      default_expr: expression,
      ignore_nulls: plain,
      filter_expr: expression,
      exclude_clause: plain,
      distinct: plain,
      arg_orders: orders,
    },
  },
};

// Tables ------------------------------------------------------------------------------------------------------------

const TABLE: Shape = {
  type: plain,
  alias: plain,
  sample: objectOf({ sample_size: data, is_percentage: plain, method: plain, seed: plain }),
  query_location: plain,
};

const table: Check = (value, scope) => {
  if (value === null) return;
  if (!isNode(value)) refuse('holds something that is not known here');
  const shape = TABLE_SHAPES[String(value.type)];
  if (!shape) unknownNode(value);
  checkShape(value, { ...TABLE, ...shape }, deeper(scope));
};

const tableFunction: Check = (value, scope) => {
  if (!isNode(value) || value.class !== 'FUNCTION') refuse('reads from something that is not a table');
  const shape = EXPRESSIONS.FUNCTION?.shape as Shape;
  checkShape(
    value,
    {
      ...EXPRESSION,
      ...shape,
      function_name: functionCall(TABLE_FUNCTIONS),
      schema: absent('names a schema'),
    },
    deeper(scope),
  );
};

const relationName: Check = (value, { relations, ctes, used }) => {
  const name = String(value);
  const lower = name.toLowerCase();
  if (ctes.has(lower)) return;
  const relation = relations.get(lower);
  if (relation !== undefined) {
    used.add(relation);
    return;
  }
  if (!isPlainName(name)) refuse(`reads from "${shown(name)}", which is not a table`);
  const hint = didYouMean(name, relations.values());
  throw new HakiriError('query.unknown_table', `There is no table "${shown(name)}"`, hint ? { hint } : {});
};

const pivotColumn = objectOf({
  pivot_expressions: expressions,
  unpivot_names: data,
  entries: listOf(objectOf({ values: data, star_expr: expression, alias: plain })),
  pivot_enum: absent('pivots by a type'),
});

const TABLE_SHAPES: Readonly<Record<string, Shape>> = {
  BASE_TABLE: {
    catalog_name: absent('names a catalog'),
    schema_name: absent('names a schema: tables have none'),
    table_name: relationName,
    column_name_alias: data,
    at_clause: absent('asks for a version of a table'),
  },
  SUBQUERY: { subquery: statementOf, column_name_alias: data },
  JOIN: {
    left: table,
    right: table,
    condition: expression,
    join_type: plain,
    ref_type: plain,
    using_columns: data,
    delim_flipped: absent('holds an inner part of a plan'),
    duplicate_eliminated_columns: absent('holds an inner part of a plan'),
  },
  TABLE_FUNCTION: { function: tableFunction, column_name_alias: data, with_ordinality: plain },
  EXPRESSION_LIST: {
    expected_names: data,
    expected_types: data,
    values: listOf(expressions),
  },
  EMPTY: {},
  PIVOT: {
    source: table,
    aggregates: expressions,
    unpivot_names: data,
    pivots: listOf(pivotColumn),
    groups: data,
    column_name_alias: data,
    include_nulls: plain,
  },
  SHOW_REF: {
    catalog_name: absent('names a catalog'),
    schema_name: absent('names a schema'),
    table_name: absent('lists what the session holds'),
    query: (value, scope) => {
      if (value === null) refuse('lists what the session holds');
      queryNode(value, scope);
    },
    show_type: (value) => {
      if (value !== 'DESCRIBE' && value !== 'SUMMARY') refuse('lists what the session holds');
    },
  },
};

// Queries -----------------------------------------------------------------------------------------------------------

const MODIFIERS: Readonly<Record<string, Shape>> = {
  ORDER_MODIFIER: { type: plain, orders },
  LIMIT_MODIFIER: { type: plain, limit: expression, offset: expression },
  LIMIT_PERCENT_MODIFIER: { type: plain, limit: expression, offset: expression },
  DISTINCT_MODIFIER: { type: plain, distinct_on_targets: expressions },
};

const modifier: Check = (value, scope) => {
  const shape = isNode(value) ? MODIFIERS[String(value.type)] : undefined;
  if (!isNode(value) || !shape) unknownNode(value);
  checkShape(value, shape, scope);
};

const QUERY: Shape = { type: plain, modifiers: listOf(modifier) };

const QUERIES: Readonly<Record<string, Shape>> = {
  SELECT_NODE: {
    ...QUERY,
    select_list: expressions,
    from_table: table,
    where_clause: expression,
    group_expressions: expressions,
    group_sets: data,
    aggregate_handling: plain,
    having: expression,
    sample: TABLE.sample as Check,
    qualify: expression,
  },
  SET_OPERATION_NODE: {
    ...QUERY,
    setop_type: plain,
    setop_all: plain,
    left: (value, scope) => queryNode(value, scope),
    right: (value, scope) => queryNode(value, scope),
  },
  RECURSIVE_CTE_NODE: {
    ...QUERY,
    cte_name: plain,
    union_all: plain,
    left: (value, scope) => queryNode(value, scope),
    right: (value, scope) => queryNode(value, scope),
    aliases: data,
    key_targets: expressions,
  },
};

function queryNode(value: unknown, scope: Scope): void {
  const shape = isNode(value) ? QUERIES[String(value.type)] : undefined;
  if (!isNode(value) || !shape) unknownNode(value);
  const ctes = withCtes(value.cte_map, deeper(scope));
  const own = value.type === 'RECURSIVE_CTE_NODE' ? withCte(String(value.cte_name), ctes, true) : ctes;
  checkShape(value, { ...shape, cte_map: () => {} }, own);
}

/** Each CTE sees those before it; a recursive one sees itself, which its own node says. */
function withCtes(map: unknown, scope: Scope): Scope {
  if (!isNode(map) || Object.keys(map).length !== 1 || !Array.isArray(map.map)) unknownNode(map);
  return (map.map as readonly unknown[]).reduce((inner: Scope, entry) => {
    if (!isNode(entry) || typeof entry.key !== 'string') unknownNode(entry);
    checkShape(
      entry,
      {
        key: plain,
        value: objectOf({
          aliases: data,
          query: statementOf,
          materialized: plain,
          key_targets: expressions,
        }),
      },
      inner,
    );
    return withCte(entry.key, inner, false);
  }, scope);
}

/** A name that could be read as another thing, or that hides one, is refused. */
function withCte(name: string, scope: Scope, isItself: boolean): Scope {
  const lower = name.toLowerCase();
  if (!isPlainName(name) || RESERVED.test(name))
    refuse(`names a WITH clause "${shown(name)}", which is not a plain name`, 'Give it a plain name.');
  if (scope.relations.has(lower) || (scope.ctes.has(lower) && !isItself))
    refuse(`names a WITH clause "${shown(name)}", which hides another table`, 'Give it another name.');
  return { ...scope, ctes: new Set([...scope.ctes, lower]) };
}

/** Names of the engine's own tables, and of ours. */
const RESERVED = /^(duckdb_|pg_|sqlite_|pragma_|information_schema|_hakiri_)/i;

export function isPlainName(name: string): boolean {
  return /^[\p{L}_][\p{L}\p{M}\p{N}_]{0,127}$/u.test(name);
}

// The walk ----------------------------------------------------------------------------------------------------------

function checkShape(node: TreeNode, shape: Shape, scope: Scope): void {
  for (const [key, value] of Object.entries(node)) {
    const check = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (!check) refuse(`uses something that is not known here (${shown(key)})`);
    check(value, scope);
  }
}

function deeper(scope: Scope): Scope {
  if (scope.depth >= MAX_DEPTH) throw new HakiriError('query.invalid', 'The query is nested too deeply');
  return { ...scope, depth: scope.depth + 1 };
}

function unknownNode(value: unknown): never {
  const name = isNode(value) ? String(value.class ?? value.type ?? 'a part') : 'a part';
  if (name === 'PARAMETER') refuse('has parameters', 'Write the values into the query.');
  refuse(`uses ${shown(name).toLowerCase().replaceAll('_', ' ')}, which is not allowed`);
}

/** Not yet said whether there is such a function at all. */
export class FunctionRefused extends Error {
  readonly functionName: string;
  readonly allowed: ReadonlySet<string>;

  constructor(functionName: string, allowed: ReadonlySet<string>) {
    super(`${functionName}() is not allowed`);
    this.functionName = functionName;
    this.allowed = allowed;
  }
}
