import type { DuckDBConnection } from '@duckdb/node-api';
import { HakiriError } from '@hakiri/core';
import {
  allOf,
  atLeast,
  baseTable,
  call,
  columnRef,
  inPlaceOf,
  noLimit,
  onlyWhere,
  operator,
  select,
  star,
  structPack,
} from '../cite/make-tree.ts';
import type { AggregateOnly, SessionBase } from '../protocol.ts';
import { AGGREGATE_FUNCTIONS } from './allowed-functions.ts';
import { shown } from './refusal.ts';
import { textOfTree } from './round-trip.ts';
import { isNode, mapTree, printTree, type TreeNode } from './tree.ts';

export interface AggregateRules {
  /** By lower-cased name. */
  readonly tables: ReadonlyMap<string, AggregateOnly & { readonly base: SessionBase | undefined }>;
  /** All views and relations that the query may name, in lower case. */
  readonly relations: ReadonlySet<string>;
  /** The type of each column of each of them, by names in lower case. */
  readonly columns: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Begins the names of what is added; no text of the query holds it. */
  readonly prefix: string;
}

/** A table of a FROM, by the name under which its columns are named. */
interface Leaf {
  readonly alias: string;
  readonly columns: ReadonlyMap<string, string>;
  /** Of one that gives aggregates only. */
  readonly counted: { readonly key: string; readonly minGroup: number; readonly shown: string } | undefined;
}

/** An expression as it is written, and as it stands in what is run. */
interface Group {
  readonly print: string;
  readonly made: TreeNode;
}

/**
 * Makes every SELECT that names a table which gives aggregates only into one that gives a group only where it holds
 * enough different rows of each such table, and an aggregate over a column only where enough of them have a value.
 * What it gives is settled before anything around it is evaluated, and nothing in it can fail on a value: an error
 * would tell of a single row.
 * @param statement checked by the gate
 * @throws HakiriError access.aggregate_only
 */
export async function aggregatesOnly(
  parser: DuckDBConnection,
  statement: TreeNode,
  rules: AggregateRules,
): Promise<TreeNode> {
  const unnamed: Unnamed[] = [];
  const asked = mapTree(statement, (node) => withNames(node, rules, unnamed)) as TreeNode;
  await nameAll(parser, unnamed.splice(0));
  let covered = 0;
  const made = mapTree(asked, (node) => {
    const limited = leavesOf(node.from_table).filter((leaf) => isLimited(leaf, rules)).length;
    if (node.type !== 'SELECT_NODE' || limited === 0) return node;
    covered += limited;
    return groupedNode(node, rules, (item, written) => unnamed.push({ item, written }));
  }) as TreeNode;
  if (covered < countLimited(statement, rules)) {
    const name = firstLimited(statement, rules);
    refuse(name, 'it has to stand in FROM, by itself or in an inner join');
  }
  await nameAll(parser, unnamed);
  return made;
}

/** A column that has no name of its own, and would be called by what is run. */
interface Unnamed {
  readonly item: Record<string, unknown>;
  readonly written: TreeNode;
}

async function nameAll(parser: DuckDBConnection, unnamed: readonly Unnamed[]): Promise<void> {
  for (const { item, written } of unnamed) item.alias = await nameOf(parser, written);
}

/** Columns that hold a SELECT of such a table are called as they were written. */
function withNames(node: TreeNode, rules: AggregateRules, unnamed: Unnamed[]): TreeNode {
  if (node.type !== 'SELECT_NODE') return node;
  const items = (list(node.select_list) as readonly TreeNode[]).map((item) => {
    if (item.alias !== '' || countLimited(item, rules) === 0) return item;
    const named = { ...item };
    unnamed.push({ item: named, written: item });
    return named;
  });
  return { ...node, select_list: items };
}

/** What the engine would call the column. */
async function nameOf(parser: DuckDBConnection, expression: TreeNode): Promise<string> {
  const node = select([expression], { type: 'EMPTY', alias: '', sample: null, query_location: 0 });
  return (await textOfTree(parser, { node, named_param_map: [] })).slice('SELECT '.length);
}

type Name = (item: Record<string, unknown>, written: TreeNode) => void;

function groupedNode(node: TreeNode, rules: AggregateRules, name: Name): TreeNode {
  const leaves = leavesOf(node.from_table).map((leaf, i) => readLeaf(leaf, rules, i));
  const counted = leaves.flatMap((leaf) => leaf.counted ?? []);
  const about = counted[0]?.shown ?? '';
  const no = (what: string): never => refuse(about, what);
  checkJoins(node.from_table, leaves, no);
  if (node.sample !== null) no('a sample is not taken of it');
  if (node.qualify !== null) no('QUALIFY looks at single rows');
  const { cte_map: _, from_table: __, ...own } = node;
  for (const part of Object.values(own)) checkExpressions(part, leaves, no);

  const items = list(node.select_list) as readonly TreeNode[];
  const print = (expression: TreeNode): string => printTree(canonical(expression, leaves));
  const groups = groupsOf(node, items, leaves, no).map((expression): Group => {
    if (some(expression, isAggregate)) no('a group is made of columns, not of aggregates');
    return { print: print(expression), made: isColumn(expression) ? expression : attempted(expression) };
  });
  const groupOf = (expression: TreeNode): TreeNode | undefined =>
    groups.find((group) => group.print === print(expression))?.made;
  const aggregateOf = (expression: TreeNode): TreeNode | undefined =>
    isAggregate(expression) ? limitedAggregate(expression, counted, no) : undefined;
  const given = items.map((item) => {
    const expression = groupOf(item) ?? aggregateOf(item);
    if (expression === undefined) return no('every column is a group, or count, sum or avg of a column');
    return { item, expression };
  });
  const byAlias = (expression: TreeNode) => {
    const alias = isColumn(expression) ? onlyName(expression) : undefined;
    if (alias === undefined) return undefined;
    return given.find(({ item }) => lower(item.alias) === alias)?.expression;
  };

  const selected = given.map(({ item, expression }) => {
    const made: Record<string, unknown> = { ...expression, alias: item.alias };
    if (item.alias === '' && !isColumn(item)) name(made, item);
    return made;
  });
  const having = node.having === null ? [] : [limitedHaving(node.having, aggregateOf, byAlias, no)];
  const enough = counted.map(({ key, minGroup }) => atLeast(distinct(columnRef(key)), minGroup));
  const modifiers = (list(node.modifiers) as readonly TreeNode[]).map((modifier) =>
    limitedModifier(modifier, (term) => byAlias(term) ?? groupOf(term) ?? aggregateOf(term), no),
  );
  const isBounded = modifiers.some(({ type }) => type === 'LIMIT_MODIFIER');
  return {
    ...node,
    select_list: selected,
    from_table: withKeys(node.from_table, leaves, rules),
    where_clause: node.where_clause === null ? null : attempted(node.where_clause as TreeNode),
    group_expressions: groups.map(({ made }) => unaliased(made)),
    group_sets: groups.length === 0 ? [] : [groups.map((_, i) => i)],
    aggregate_handling: 'STANDARD_HANDLING',
    having: allOf([...enough, ...having]),
    modifiers: isBounded ? modifiers : [...modifiers, noLimit()],
  };
}

// FROM --------------------------------------------------------------------------------------------------------------

/** Tables of a FROM that is joins of tables; what is not one of these is handed on as it is. */
function leavesOf(table: unknown): readonly TreeNode[] {
  if (!isNode(table)) return [];
  return table.type === 'JOIN' ? [...leavesOf(table.left), ...leavesOf(table.right)] : [table];
}

function isLimited(table: TreeNode, { tables }: AggregateRules): boolean {
  return table.type === 'BASE_TABLE' && tables.has(lower(table.table_name));
}

function countLimited(statement: unknown, rules: AggregateRules): number {
  let found = 0;
  visit(statement, (node) => {
    if (isLimited(node, rules)) found++;
  });
  return found;
}

function firstLimited(statement: unknown, rules: AggregateRules): string {
  let found = '';
  visit(statement, (node) => {
    if (found === '' && isLimited(node, rules)) found = String(node.table_name);
  });
  return found;
}

function readLeaf(table: TreeNode, { tables, relations, columns, prefix }: AggregateRules, i: number): Leaf {
  const name = lower(table.table_name);
  const limited = tables.get(name);
  if (table.type !== 'BASE_TABLE' || !relations.has(name)) {
    return { alias: '', columns: new Map(), counted: undefined };
  }
  return {
    alias: table.alias === '' ? name : lower(table.alias),
    columns: columns.get(name) ?? new Map(),
    counted: limited && {
      key: `${prefix}_key_${i}`,
      minGroup: limited.minGroup,
      shown: String(table.table_name),
    },
  };
}

/** Inner joins of tables on columns that are equal, of one type: a cast could fail on a value. */
function checkJoins(from: unknown, leaves: readonly Leaf[], no: (what: string) => never): void {
  if (leaves.some(({ alias }) => alias === '')) no('it is joined with tables only');
  visitTables(from, (table) => {
    if (table.sample !== null) no('a sample is not taken of it');
    if (table.type === 'BASE_TABLE') {
      if (list(table.column_name_alias).length > 0) no('its columns keep their names');
      return;
    }
    const using = list(table.using_columns).map(lower);
    if (table.join_type !== 'INNER' || table.ref_type !== 'REGULAR')
      no('it is joined by JOIN ... ON or USING');
    if (using.length === 0 && !isNode(table.condition)) no('it is joined on columns that are equal');
    for (const column of using) {
      const types = leaves.flatMap((leaf) => leaf.columns.get(column) ?? []);
      if (!areOneType(types)) no('it is joined on columns of one type');
    }
    if (using.length === 0) checkEqualities(table.condition as TreeNode, leaves, no);
  });
}

function checkEqualities(condition: TreeNode, leaves: readonly Leaf[], no: (what: string) => never): void {
  if (condition.type === 'CONJUNCTION_AND') {
    for (const part of list(condition.children)) checkEqualities(part as TreeNode, leaves, no);
    return;
  }
  const sides = [condition.left, condition.right];
  if (condition.type !== 'COMPARE_EQUAL' || !sides.every(isColumn))
    no('it is joined on columns that are equal');
  const types = sides.map((side) => resolved(side as TreeNode, leaves)?.type);
  if (!areOneType(types)) no('it is joined on columns of one type');
}

const INTEGER_TYPE = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$/;

function areOneType(types: readonly (string | undefined)[]): boolean {
  if (types.length < 2 || types.some((type) => type === undefined)) return false;
  return new Set(types.map((type) => type?.replace(INTEGER_TYPE, 'BIGINT'))).size === 1;
}

/** Behind the columns of each counted table its key, as one value under a name that nobody knows. */
function withKeys(from: unknown, leaves: readonly Leaf[], rules: AggregateRules): unknown {
  let next = 0;
  const visitTable = (table: unknown): unknown => {
    if (!isNode(table)) return table;
    if (table.type === 'JOIN') {
      const left = visitTable(table.left);
      return { ...table, left, right: visitTable(table.right) };
    }
    const { counted } = leaves[next++] as Leaf;
    const limited = rules.tables.get(lower(table.table_name));
    if (counted === undefined || limited === undefined) return table;
    const { base, key } = limited;
    const value = structPack(
      key.map((column, i) => columnRef(column, `k${i}`)),
      counted.key,
    );
    const inner = select([star(base?.extra ?? []), value], baseTable(base?.view ?? String(table.table_name)));
    return inPlaceOf(table, inner);
  };
  return visitTable(from);
}

// Expressions -------------------------------------------------------------------------------------------------------

/** Nothing looks at another table, at other rows, or takes a row as one value. */
function checkExpressions(part: unknown, leaves: readonly Leaf[], no: (what: string) => never): void {
  visit(part, (node) => {
    if (node.class === 'SUBQUERY') no('there is no subquery in the same SELECT');
    if (node.class === 'WINDOW') no('there is no window in the same SELECT');
    if (node.class === 'STAR' && node.columns !== true) no('its columns are named');
    if (node.class === 'STAR' && node.expr !== null) no('its columns are named');
    if (node.class === 'POSITIONAL_REFERENCE') no('its columns are named');
    if (!isColumn(node) || resolved(node, leaves) !== undefined) return;
    const aliases = new Set(leaves.map(({ alias }) => alias));
    if (list(node.column_names).some((name) => aliases.has(lower(name)))) no('its columns are named');
  });
}

interface Resolved {
  readonly path: readonly string[];
  readonly type: string;
}

/** A column of one of the tables; undefined for what is none, or of several. */
function resolved(column: TreeNode, leaves: readonly Leaf[]): Resolved | undefined {
  const [first = '', ...rest] = list(column.column_names).map(lower);
  const named = leaves.find(({ alias }) => alias === first);
  const [field, ...fields] = rest;
  const ofNamed = field === undefined ? undefined : named?.columns.get(field);
  if (named !== undefined && field !== undefined && ofNamed !== undefined) {
    return { path: [named.alias, field, ...fields], type: fields.length === 0 ? ofNamed : '' };
  }
  const having = leaves.filter(({ columns }) => columns.has(first));
  const [only] = having;
  // In a join by USING both have it, and it is the same.
  if (only === undefined) return undefined;
  const types = new Set(having.map(({ columns }) => columns.get(first)));
  return {
    path: [having.length === 1 ? only.alias : '', first, ...rest],
    type: types.size === 1 && rest.length === 0 ? [...types].join() : '',
  };
}

/** Expressions that are the same have the same form. */
function canonical(expression: TreeNode, leaves: readonly Leaf[]): unknown {
  return mapTree(unaliased(expression), (node) => {
    const made = { ...node, ...('query_location' in node ? { query_location: 0 } : {}) };
    const path = isColumn(node) ? resolved(node, leaves)?.path : undefined;
    return path === undefined ? made : { ...made, column_names: path };
  });
}

function groupsOf(
  node: TreeNode,
  items: readonly TreeNode[],
  leaves: readonly Leaf[],
  no: (what: string) => never,
): readonly TreeNode[] {
  if (node.aggregate_handling === 'FORCE_AGGREGATES') {
    return items.filter((item) => !some(item, isAggregate)).map(unaliased);
  }
  if (node.aggregate_handling !== 'STANDARD_HANDLING') return no('it is grouped by GROUP BY');
  const expressions = list(node.group_expressions) as readonly TreeNode[];
  const [set, ...others] = list(node.group_sets);
  const isOneSet = expressions.length === 0 ? set === undefined : list(set).length === expressions.length;
  if (others.length > 0 || !isOneSet) return no('there are no several sets of groups');
  return expressions.map((expression) => {
    const position = positionOf(expression);
    const named =
      position === undefined
        ? isColumn(expression) && resolved(expression, leaves) === undefined
          ? items.find((item) => item.alias !== '' && lower(item.alias) === onlyName(expression))
          : undefined
        : items[position - 1];
    return unaliased(named ?? expression);
  });
}

function positionOf({ class: kind, value }: TreeNode): number | undefined {
  return kind === 'CONSTANT' && isNode(value) && typeof value.value === 'number' ? value.value : undefined;
}

const PLAIN_AGGREGATES = new Set(['count', 'sum', 'avg', 'mean']);

/** NULL where too few of the rows have a value. */
function limitedAggregate(
  expression: TreeNode,
  counted: readonly { readonly key: string; readonly minGroup: number }[],
  no: (what: string) => never,
): TreeNode {
  const name = lower(expression.function_name);
  const isBare =
    expression.filter === null &&
    (!isNode(expression.order_bys) || list(expression.order_bys.orders).length === 0);
  if (!isBare) no('an aggregate has no FILTER and no ORDER BY of its own');
  if (name === 'count_star') return unaliased(expression);
  const [argument, ...others] = list(expression.children);
  if (!PLAIN_AGGREGATES.has(name)) no('of aggregates there are count, count(distinct), sum and avg');
  if (!isColumn(argument) || others.length > 0) return no('an aggregate is over one column as it is');
  if (expression.distinct === true && name !== 'count') no('only count takes DISTINCT');
  const hasValue = operator('OPERATOR_IS_NOT_NULL', [unaliased(argument)]);
  const enough = counted.map(({ key, minGroup }) =>
    atLeast({ ...distinct(columnRef(key)), filter: hasValue }, minGroup),
  );
  return onlyWhere(allOf(enough), unaliased(expression), '');
}

/** Comparisons of aggregates: what else there is could fail on a group that is not given. */
function limitedHaving(
  value: unknown,
  aggregateOf: (expression: TreeNode) => TreeNode | undefined,
  byAlias: (expression: TreeNode) => TreeNode | undefined,
  no: (what: string) => never,
): TreeNode {
  const inner = (part: unknown): TreeNode => limitedHaving(part, aggregateOf, byAlias, no);
  if (!isNode(value)) return no('HAVING compares aggregates');
  if (value.class === 'CONSTANT') return value;
  const aggregate = aggregateOf(value) ?? aggregateBehind(byAlias(value));
  if (aggregate !== undefined) return aggregate;
  if (value.class === 'COMPARISON') return { ...value, left: inner(value.left), right: inner(value.right) };
  if (value.class === 'BETWEEN') {
    return { ...value, input: inner(value.input), lower: inner(value.lower), upper: inner(value.upper) };
  }
  const isOfMany =
    value.class === 'CONJUNCTION' ||
    (value.class === 'OPERATOR' &&
      /^(OPERATOR_(NOT|IS_NULL|IS_NOT_NULL)|COMPARE_(NOT_)?IN)$/.test(String(value.type)));
  if (isOfMany) return { ...value, children: list(value.children).map(inner) };
  return no('HAVING compares aggregates, and nothing else; other conditions stand in WHERE or around it');
}

/** A group's own value is not compared: it is there before the groups are told apart. */
function aggregateBehind(expression: TreeNode | undefined): TreeNode | undefined {
  return expression !== undefined && some(expression, isAggregate) ? expression : undefined;
}

function limitedModifier(
  modifier: TreeNode,
  known: (term: TreeNode) => TreeNode | undefined,
  no: (what: string) => never,
): TreeNode {
  if (modifier.type === 'DISTINCT_MODIFIER') {
    if (list(modifier.distinct_on_targets).length > 0) no('DISTINCT ON looks at single rows');
    return modifier;
  }
  if (modifier.type === 'ORDER_MODIFIER') {
    const orders = (list(modifier.orders) as readonly TreeNode[]).map((order) => {
      const term = order.expression as TreeNode;
      const isPlace = positionOf(term) !== undefined || term.class === 'STAR';
      const expression = isPlace ? term : known(term);
      return expression === undefined
        ? no('its groups are ordered by what is given of them')
        : { ...order, expression: isPlace ? expression : unaliased(expression) };
    });
    return { ...modifier, orders };
  }
  const bounds = [modifier.limit, modifier.offset];
  if (bounds.some((bound) => bound !== null && (bound as TreeNode).class !== 'CONSTANT'))
    no('LIMIT is a number');
  return modifier;
}

/** NULL where it fails on a value. */
function attempted(expression: TreeNode): TreeNode {
  return operator('OPERATOR_TRY', [unaliased(expression)]);
}

function distinct(column: TreeNode): TreeNode {
  return { ...call('count', [column]), distinct: true };
}

function unaliased(expression: TreeNode): TreeNode {
  return { ...expression, alias: '' };
}

function isAggregate(node: TreeNode): boolean {
  return node.class === 'FUNCTION' && AGGREGATE_FUNCTIONS.has(lower(node.function_name));
}

function isColumn(node: unknown): node is TreeNode {
  return isNode(node) && node.class === 'COLUMN_REF';
}

function onlyName(column: TreeNode): string | undefined {
  const path = list(column.column_names);
  return path.length === 1 ? lower(path[0]) : undefined;
}

function some(value: unknown, test: (node: TreeNode) => boolean): boolean {
  let found = false;
  visit(value, (node) => {
    found ||= test(node);
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

function visitTables(table: unknown, see: (table: TreeNode) => void): void {
  if (!isNode(table)) return;
  see(table);
  if (table.type !== 'JOIN') return;
  visitTables(table.left, see);
  visitTables(table.right, see);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

const lower = (name: unknown): string => String(name).toLowerCase();

function refuse(table: string, rule: string): never {
  throw new HakiriError('access.aggregate_only', `Of "${shown(table)}" only aggregates are given: ${rule}`, {
    hint: 'For example: SELECT a, count(*), avg(b) FROM t GROUP BY a. More can be done in a SELECT around it.',
  });
}
