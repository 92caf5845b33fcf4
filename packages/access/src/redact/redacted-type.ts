import type { ColumnAction, Field, LogicalType, RedactedColumn } from '@hakiri/core';
import { foldKey } from './places.ts';

type ActedType = (action: Exclude<ColumnAction, 'deny'>, type: LogicalType) => LogicalType;

/** The type that a column is left with; undefined where it is left out. */
export function redactedType(
  type: LogicalType,
  path: string,
  rules: readonly RedactedColumn[],
  acted: ActedType,
): LogicalType | undefined {
  const rule = rules.find((each) => isSamePath(each.path, path));
  if (rule !== undefined) return rule.action === 'deny' ? undefined : acted(rule.action, type);
  if (!rules.some((each) => isBelow(each.path, path))) return type;
  if (type.kind === 'list') {
    const item = redactedType(type.item, path, rules, acted);
    return item === undefined ? undefined : { kind: 'list', item };
  }
  if (type.kind !== 'struct') return type;
  const fields = type.fields.flatMap((field): Field[] => {
    const left = redactedType(field.type, `${path}.${field.name}`, rules, acted);
    return left === undefined ? [] : [{ name: field.name, type: left }];
  });
  return { kind: 'struct', fields };
}

function isSamePath(a: string, b: string): boolean {
  return foldKey(a) === foldKey(b);
}

function isBelow(path: string, above: string): boolean {
  return foldKey(path).startsWith(`${foldKey(above)}.`);
}
