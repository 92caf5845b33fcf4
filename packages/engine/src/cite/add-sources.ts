import { AGGREGATE_FUNCTIONS } from '../gate/allowed-functions.ts';
import { isNode, type TreeNode } from '../gate/tree.ts';
import { baseTable, columnRef, inPlaceOf, select, star, structPack } from './make-tree.ts';

/** A view that can be cited, as the session holds it for that. */
export interface CitedView {
  readonly view: string;
  readonly key: readonly string[];
  /** Its name in the session with the `_hakiri_` columns. */
  readonly base: string;
  /** Columns of the base that the query does not see. */
  readonly extra: readonly string[];
}

export interface AddSourcesOptions {
  /** By lower-cased name. */
  readonly views: ReadonlyMap<string, CitedView>;
  /** Begins the names of what is added; no text of the query holds it. */
  readonly prefix: string;
}

/** A query that tells, in columns behind its own, which rows each of its rows was made of. */
export interface SourcedQuery {
  readonly statement: TreeNode;
  /** The view of each column that was added, in their order. */
  readonly views: readonly CitedView[];
}

/** A column that carries a source. */
interface Source {
  readonly name: string;
  readonly view: CitedView;
}

interface Sourced {
  readonly node: TreeNode;
  readonly sources: readonly Source[];
}

/** The name under which a WITH clause stands once more, with sources; undefined where it cannot have them. */
type Ctes = ReadonlyMap<string, { readonly name: string; readonly sources: readonly Source[] } | undefined>;

/** A row of the answer is not made of one row of each table, or it cannot be said for sure. */
class NotPlain extends Error {}

/**
 * Adds a column of sources to each cited view where it stands in FROM, hands it up through subqueries and WITH
 * clauses, hides it from every `*` on the way, and puts it behind the query's own columns. The names of the columns
 * are met nowhere else, so that joins by name and stars stay what they are.
 * @param statement checked by the gate
 * @returns undefined for a query that is no plain select
 */
export function addSources(statement: TreeNode, options: AddSourcesOptions): SourcedQuery | undefined {
  let made = 0;
  const freshName = (): string => `${options.prefix}_${++made}`;

  const sourcedQuery = (node: TreeNode, outer: Ctes): Sourced => {
    if (node.type !== 'SELECT_NODE' || !isPlain(node)) throw new NotPlain();
    const { cteMap, ctes } = sourcedCtes(node.cte_map, outer);
    const { node: from, sources, aliases } = sourcedTable(node.from_table, ctes);
    if (names(node, aliases)) throw new NotPlain();
    const hide = (item: unknown): unknown => hideSources(item, sources, aliases);
    return {
      node: {
        ...node,
        cte_map: cteMap,
        from_table: from,
        select_list: [...list(node.select_list).map(hide), ...sources.map(({ name }) => columnRef(name))],
      },
      sources,
    };
  };

  /** Each WITH clause stays as it is for whoever names it elsewhere; a second one carries the sources. */
  const sourcedCtes = (map: unknown, outer: Ctes): { cteMap: unknown; ctes: Ctes } => {
    const ctes = new Map(outer);
    const entries: unknown[] = [];
    for (const entry of list(isNode(map) ? map.map : [])) {
      entries.push(entry);
      if (!isNode(entry) || !isNode(entry.value) || !isNode(entry.value.query)) throw new NotPlain();
      const query = entry.value.query;
      const sourced = attempt(() => sourcedQuery(query.node as TreeNode, ctes));
      if (sourced && sourced.sources.length > 0) {
        const name = freshName();
        entries.push({
          key: name,
          value: { ...entry.value, query: { ...query, node: sourced.node } },
        });
        ctes.set(String(entry.key).toLowerCase(), { name, sources: sourced.sources });
      } else {
        const isWithoutSources = sourced !== undefined;
        ctes.set(
          String(entry.key).toLowerCase(),
          isWithoutSources ? { name: String(entry.key), sources: [] } : undefined,
        );
      }
    }
    return { cteMap: { map: entries }, ctes };
  };

  const sourcedTable = (table: unknown, ctes: Ctes): SourcedTable => {
    if (!isNode(table)) throw new NotPlain();
    switch (table.type) {
      case 'EMPTY':
      case 'EXPRESSION_LIST':
      case 'TABLE_FUNCTION':
        return { node: table, sources: [], aliases: new Map() };
      case 'BASE_TABLE':
        return sourcedRelation(table, ctes);
      case 'SUBQUERY': {
        if (!isNode(table.subquery)) throw new NotPlain();
        const { node, sources } = sourcedQuery(table.subquery.node as TreeNode, ctes);
        return under(table.alias, { ...table, subquery: { ...table.subquery, node } }, sources);
      }
      case 'JOIN':
        return sourcedJoin(table, ctes);
      default:
        throw new NotPlain();
    }
  };

  const sourcedRelation = (table: TreeNode, ctes: Ctes): SourcedTable => {
    const name = String(table.table_name).toLowerCase();
    const alias = table.alias === '' ? table.table_name : table.alias;
    if (ctes.has(name)) {
      const cte = ctes.get(name);
      if (!cte) throw new NotPlain();
      if (cte.sources.length === 0) return { node: table, sources: [], aliases: new Map() };
      const renamed = cte.sources.map(({ view }) => ({ name: freshName(), view }));
      const hidden = cte.sources.map((source) => source.name);
      const columns = hidden.map((source, i) => columnRef(source, renamed[i]?.name));
      const inner = select([star(hidden), ...columns], baseTable(cte.name));
      return under(alias, inPlaceOf(table, inner), renamed);
    }
    const view = options.views.get(name);
    if (!view) return { node: table, sources: [], aliases: new Map() };
    const source = { name: freshName(), view };
    const inner = select([star(view.extra), sourceColumn(view, source.name)], baseTable(view.base));
    return under(alias, inPlaceOf(table, inner), [source]);
  };

  const sourcedJoin = (join: TreeNode, ctes: Ctes): SourcedTable => {
    const left = sourcedTable(join.left, ctes);
    // What these joins look at on their right side is a condition, and no part of the row.
    if (join.join_type === 'SEMI' || join.join_type === 'ANTI')
      return { ...left, node: { ...join, left: left.node } };
    const right = sourcedTable(join.right, ctes);
    return {
      node: { ...join, left: left.node, right: right.node },
      sources: [...left.sources, ...right.sources],
      aliases: new Map([...left.aliases, ...right.aliases]),
    };
  };

  return attempt(() => {
    const { node, sources } = sourcedQuery(statement.node as TreeNode, new Map());
    return { statement: { ...statement, node }, views: sources.map(({ view }) => view) };
  });
}

interface SourcedTable extends Sourced {
  /** What sources a table of this name brings, by lower-cased name. */
  readonly aliases: ReadonlyMap<string, readonly Source[]>;
}

function under(alias: unknown, node: TreeNode, sources: readonly Source[]): SourcedTable {
  return { node, sources, aliases: new Map([[String(alias).toLowerCase(), sources]]) };
}

function sourceColumn({ key }: CitedView, alias: string): TreeNode {
  return structPack(
    [
      ...key.map((column, i) => columnRef(column, `k${i}`)),
      columnRef('_hakiri_run', 'run'),
      columnRef('_hakiri_seq', 'seq'),
    ],
    alias,
  );
}

/** A row goes in, the same row comes out or does not: nothing is put together of several. */
function isPlain(node: TreeNode): boolean {
  const modifiers = list(node.modifiers) as readonly TreeNode[];
  const orders = modifiers.flatMap((modifier) => list(modifier.orders));
  return (
    list(node.group_expressions).length === 0 &&
    list(node.group_sets).length === 0 &&
    node.aggregate_handling === 'STANDARD_HANDLING' &&
    node.having === null &&
    node.qualify === null &&
    modifiers.every(({ type }) => type !== 'DISTINCT_MODIFIER') &&
    !list(node.select_list).some((item) => some(item, gathers)) &&
    !orders.some((order) => some(order, (part) => gathers(part) || part.class === 'STAR'))
  );
}

/** A value that is made of other rows, or of columns that are not known here. */
function gathers(part: TreeNode): boolean {
  if (part.class === 'WINDOW' || part.class === 'SUBQUERY') return true;
  if (part.class === 'STAR') return part.columns === true;
  return part.class === 'FUNCTION' && AGGREGATE_FUNCTIONS.has(String(part.function_name).toLowerCase());
}

/** Whether the query takes a whole row as a value, which the added column would be part of. */
function names(node: TreeNode, aliases: ReadonlyMap<string, unknown>): boolean {
  const { cte_map: _, from_table: from, ...rest } = node;
  const isRow = (part: TreeNode): boolean => {
    if (part.class !== 'COLUMN_REF') return false;
    const path = list(part.column_names);
    return path.length === 1 && aliases.has(String(path[0]).toLowerCase());
  };
  return Object.values(rest).some((part) => some(part, isRow)) || some(from, isRow);
}

function hideSources(
  item: unknown,
  sources: readonly Source[],
  aliases: ReadonlyMap<string, readonly Source[]>,
): unknown {
  if (Array.isArray(item)) return item.map((part) => hideSources(part, sources, aliases));
  if (!isNode(item)) return item;
  const made = Object.fromEntries(
    Object.entries(item).map(([key, part]) => [key, hideSources(part, sources, aliases)]),
  );
  if (item.class !== 'STAR') return made;
  const relation = String(item.relation_name).toLowerCase();
  const hidden = relation === '' ? sources : (aliases.get(relation) ?? []);
  return { ...made, exclude_list: [...list(item.exclude_list), ...hidden.map(({ name }) => name)] };
}

function some(value: unknown, test: (node: TreeNode) => boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => some(item, test));
  if (!isNode(value)) return false;
  return test(value) || Object.values(value).some((part) => some(part, test));
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}
