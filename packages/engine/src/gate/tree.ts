/** A node of the engine's parse tree, as `json_serialize_sql` gives it. */
export interface TreeNode {
  readonly [key: string]: unknown;
}

/** Nested deeper than this, a query is no question, and the engine's own recursion could end the process. */
const MAX_TREE_DEPTH = 1000;

/** Numbers that a double would change keep their text; constants are 64 and 128 bits wide. */
export function parseTree(json: string): TreeNode {
  return JSON.parse(json, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? rawJson(context.source)
      : value,
  ) as TreeNode;
}

export function printTree(tree: unknown): string {
  return JSON.stringify(tree);
}

/** JSON.rawJSON and JSON.isRawJSON are newer than the types. */
const json = JSON as unknown as { rawJSON(text: string): unknown; isRawJSON(value: unknown): boolean };

function rawJson(text: string): unknown {
  return json.rawJSON(text);
}

export function isNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !json.isRawJSON(value);
}

/** The tree made again from the leaves up. */
export function mapTree(value: unknown, change: (node: TreeNode) => TreeNode, depth = 0): unknown {
  if (depth > MAX_TREE_DEPTH) throw new RangeError('The tree is too deep');
  if (Array.isArray(value)) return value.map((item) => mapTree(item, change, depth + 1));
  if (!isNode(value)) return value;
  const made: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) made[key] = mapTree(part, change, depth + 1);
  return change(made);
}
