import type { Column, Field, LogicalType } from '@hakiri/core';

/** Names as the engine compares them: a rule that differs in case from its column still holds. */
export function sameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

/** Whether a path is this other one, or leads into it. */
export function isWithin(path: string, outer: string): boolean {
  return sameName(path, outer) || path.toLowerCase().startsWith(`${outer.toLowerCase()}.`);
}

/** Whether one of two paths is within the other. */
export function overlap(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

export function fieldsOf(type: LogicalType): readonly Field[] {
  return type.kind === 'struct' ? type.fields : [];
}

/** Of columns, and of the fields that structs end in. */
export function leafPaths(columns: readonly Column[], prefix = ''): readonly string[] {
  return columns.flatMap(({ name, type }) => {
    const fields = fieldsOf(type);
    return fields.length === 0 ? [prefix + name] : leafPaths(fields, `${prefix}${name}.`);
  });
}

/**
 * The paths of the largest columns and fields that are wholly of a kind: a struct whose fields all are, counts as one.
 */
export function wholePaths(columns: readonly Column[], is: (leaf: string) => boolean): readonly string[] {
  const visit = (
    { name, type }: Field,
    prefix: string,
  ): { readonly whole: boolean; readonly paths: readonly string[] } => {
    const path = prefix + name;
    const fields = fieldsOf(type);
    if (fields.length === 0) return is(path) ? { whole: true, paths: [path] } : { whole: false, paths: [] };
    const inner = fields.map((field) => visit(field, `${path}.`));
    if (inner.every(({ whole }) => whole)) return { whole: true, paths: [path] };
    return { whole: false, paths: inner.flatMap(({ paths }) => paths) };
  };
  return columns.flatMap((column) => visit(column, '').paths);
}
