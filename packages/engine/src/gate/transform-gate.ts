import type { DuckDBConnection } from '@duckdb/node-api';
import { HakiriError, type TableSchema } from '@hakiri/core';

/** Node types of the engine's parse tree that a transform may not hold. */
const FORBIDDEN_TABLES = new Set(['TABLE_FUNCTION', 'SHOW_REF', 'BASE_TABLE']);

/** `age(x)` counts from today, `getenv` reads the machine; both are marked constant by the engine. */
const FORBIDDEN_FUNCTIONS = new Set([
  'age',
  'getenv',
  'getvariable',
  'error',
  'current_setting',
  'query',
  'query_table',
]);
const CLOCK_OR_CHANCE =
  /^(now|today|current_|get_current_|transaction_timestamp|localtime|random|uuid|gen_random_uuid|setseed|age|txid)/;

/** Names that the engine reads as function calls where no column has them. */
const VALUE_FUNCTIONS =
  /^(current_(date|time|timestamp|user|role|catalog|schema)|localtime|localtimestamp|user|session_user)$/;

interface TreeNode {
  readonly [key: string]: unknown;
}

/**
 * A transform is one SELECT over `input` and its own nested selects, whose functions give the same answer each
 * time. The tree is judged, never the text. Without the input's columns, a bare name like `current_date` passes:
 * it may be one.
 * @throws HakiriError transform.invalid, transform.clock, transform.function
 */
export async function checkTransform(
  connection: DuckDBConnection,
  sql: string,
  input: TableSchema | undefined,
): Promise<void> {
  const serialized = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR', [sql]);
  const tree = JSON.parse(String(serialized.getRows()[0]?.[0])) as TreeNode;
  if (tree.error === true) {
    throw new HakiriError('transform.invalid', `A transform does not parse: ${String(tree.error_message)}`);
  }
  const statements = tree.statements;
  if (!Array.isArray(statements) || statements.length !== 1) {
    throw new HakiriError('transform.invalid', 'A transform must be one expression a column');
  }
  const functions = new Set<string>();
  const columns = input && new Set(input.columns.map(({ name }) => name.toLowerCase()));
  visit(statements[0], functions, columns);
  await checkFunctions(connection, functions);
}

function visit(node: unknown, functions: Set<string>, columns: ReadonlySet<string> | undefined): void {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, functions, columns);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const tree = node as TreeNode;
  if (typeof tree.type === 'string' && FORBIDDEN_TABLES.has(tree.type) && !isInput(tree)) {
    throw new HakiriError('transform.function', 'A transform reads something other than its own row');
  }
  if (tree.class === 'SUBQUERY') throw new HakiriError('transform.function', 'A transform holds a subquery');
  if (tree.class === 'WINDOW')
    throw new HakiriError('transform.function', 'A transform holds a window function');
  if (tree.class === 'PARAMETER') throw new HakiriError('transform.invalid', 'A transform holds a parameter');
  if (tree.class === 'COLUMN_REF') {
    const names = tree.column_names as readonly string[];
    const name = names[0]?.toLowerCase() ?? '';
    if (names.length === 1 && VALUE_FUNCTIONS.test(name) && columns?.has(name) === false) refuseClock(name);
  }
  if (tree.class === 'FUNCTION' && tree.is_operator !== true)
    functions.add(String(tree.function_name).toLowerCase());
  for (const value of Object.values(tree)) visit(value, functions, columns);
}

function isInput(tree: TreeNode): boolean {
  return (
    tree.type === 'BASE_TABLE' &&
    tree.table_name === 'input' &&
    tree.schema_name === '' &&
    tree.catalog_name === ''
  );
}

async function checkFunctions(connection: DuckDBConnection, names: ReadonlySet<string>): Promise<void> {
  if (names.size === 0) return;
  const reader = await connection.runAndReadAll(
    'SELECT function_name, function_type, stability, macro_definition FROM duckdb_functions() WHERE list_contains($1::VARCHAR[], function_name)',
    [JSON.stringify([...names])],
  );
  const known = reader.getRows().map((row) => row.map((cell) => (cell === null ? '' : String(cell))));
  for (const name of names) {
    if (CLOCK_OR_CHANCE.test(name)) refuseClock(name);
    if (FORBIDDEN_FUNCTIONS.has(name)) throw refused(name);
    if (name === 'unnest') continue;
    const rows = known.filter(([function_]) => function_ === name);
    if (rows.length === 0)
      throw new HakiriError('transform.function', `A transform calls ${name}(), which does not exist`);
    for (const [, type = '', stability = '', definition = ''] of rows) {
      if (type === 'aggregate' && !rows.some(([, other]) => other === 'scalar')) throw refused(name);
      if (type === 'table' || type === 'pragma' || type === 'table_macro') throw refused(name);
      if (stability === 'VOLATILE' || stability === 'CONSISTENT_WITHIN_QUERY') refuseClock(name);
      if (
        type === 'macro' &&
        /\b(now|today|random|uuid|current_\w+|get_current_\w+)\b\s*\(?/i.test(definition)
      )
        refuseClock(name);
    }
  }
}

function refuseClock(name: string): never {
  throw new HakiriError(
    'transform.clock',
    `A transform uses ${name}, which does not give the same answer each time`,
  );
}

function refused(name: string): HakiriError {
  return new HakiriError('transform.function', `A transform may not call ${name}()`);
}
