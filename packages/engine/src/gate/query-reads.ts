import type { QueryReads } from '../protocol.ts';
import { isNode, type TreeNode } from './tree.ts';

/** What a checked tree makes use of: more columns than it does, never fewer. */
export function queryReads(statement: TreeNode, relations: ReadonlySet<string>): QueryReads {
  const columns = new Set<string>();
  const rows = new Set<string>([...relations].map((name) => name.toLowerCase()));
  const paths: (readonly string[])[] = [];
  let isKnown = true;
  const see = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) see(item);
    if (!isNode(value)) return;
    if (value.class === 'STAR' || value.class === 'POSITIONAL_REFERENCE') isKnown = false;
    if (value.type === 'PIVOT' || value.type === 'SHOW_REF' || value.ref_type === 'NATURAL') isKnown = false;
    if (value.class === 'COLUMN_REF') paths.push((value.column_names as readonly string[]).map(lower));
    if (Array.isArray(value.using_columns)) for (const name of value.using_columns) columns.add(lower(name));
    if ('table_name' in value || 'subquery' in value) rows.add(lower(value.alias));
    for (const part of Object.values(value)) see(part);
  };
  see(statement);
  for (const path of paths) {
    for (const name of path) columns.add(name);
    // A whole row.
    if (rows.has(path.at(-1) ?? '')) isKnown = false;
  }
  return { views: [...relations], columns: isKnown ? [...columns] : null };
}

const lower = (name: unknown): string => String(name).toLowerCase();
