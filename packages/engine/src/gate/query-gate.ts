import type { DuckDBConnection } from '@duckdb/node-api';
import { HakiriError } from '@hakiri/core';
import { checkTree, FunctionRefused } from './check-tree.ts';
import { didYouMean, refuse, shown } from './refusal.ts';
import { ask, textOfTree } from './round-trip.ts';
import { parseTree, type TreeNode } from './tree.ts';

/** Text from outside that was found to be one harmless SELECT. */
export interface CheckedQuery {
  /** What is run: the tree, said again. */
  readonly sql: string;
  /** The one statement, checked. */
  readonly statement: TreeNode;
  /** Views and relations of the session that it reads. */
  readonly relations: ReadonlySet<string>;
}

/** Longer ones are not questions; the parser takes its time and its stack for them. */
const MAX_SQL_BYTES = 256 * 1024;

/**
 * Parses and judges text from outside: one SELECT, over the given relations and nothing else, with functions that are
 * on a list. Nothing of it is executed here.
 * @param parser a connection to an instance that holds nothing
 * @throws HakiriError query.not_select, query.invalid, query.refused, query.unknown_table
 */
export async function checkQuery(
  parser: DuckDBConnection,
  sql: string,
  relations: Iterable<string>,
): Promise<CheckedQuery> {
  const bytes = Buffer.byteLength(sql);
  if (bytes > MAX_SQL_BYTES)
    throw new HakiriError('query.invalid', `The query is ${bytes} bytes long; ${MAX_SQL_BYTES} are allowed`);
  if (sql.includes('\0')) throw new HakiriError('query.invalid', 'The query holds a NUL character');
  try {
    const statement = oneSelect(parseTree(await ask(parser, 'SELECT json_serialize_sql($1::VARCHAR)', sql)));
    const use = checkTree(statement, relations);
    return { sql: await textOfTree(parser, statement), statement, relations: use.relations };
  } catch (error) {
    if (error instanceof FunctionRefused) return refuseFunction(parser, error);
    if (error instanceof RangeError) throw tooDeep(error);
    if (error instanceof Error && /Maximum tree depth|stack|too deep|recursion/i.test(error.message))
      throw tooDeep(error);
    throw error;
  }
}

function tooDeep(cause?: Error): HakiriError {
  return new HakiriError('query.invalid', 'The query is nested too deeply', cause ? { cause } : {});
}

function oneSelect(tree: TreeNode): TreeNode {
  if (tree.error === true) throw parseError(tree);
  const { statements } = tree;
  if (!Array.isArray(statements) || statements.length !== 1)
    throw new HakiriError('query.not_select', 'The query is not one statement');
  return statements[0] as TreeNode;
}

function parseError({ error_type: type, error_message: message, position }: TreeNode): HakiriError {
  if (/^(memory exhausted|Max expression depth)/.test(String(message))) return tooDeep();
  if (type === 'parser') {
    const at = position === undefined ? '' : ` (at character ${Number(position) + 1})`;
    return new HakiriError('query.invalid', `${String(message).slice(0, 300)}${at}`);
  }
  if (String(message).startsWith('Only SELECT'))
    return new HakiriError('query.not_select', 'The query is not a SELECT');
  return new HakiriError('query.refused', 'The query uses a construct that cannot be checked');
}

async function refuseFunction(
  parser: DuckDBConnection,
  { functionName, allowed }: FunctionRefused,
): Promise<never> {
  const known = await ask(
    parser,
    'SELECT count(*) FROM duckdb_functions() WHERE lower(function_name) = $1::VARCHAR',
    functionName,
  );
  if (known !== '0') return refuse(`calls ${shown(functionName)}(), which is not allowed`);
  const hint = didYouMean(functionName, allowed);
  throw new HakiriError(
    'query.invalid',
    `There is no function ${shown(functionName)}()`,
    hint ? { hint } : {},
  );
}
