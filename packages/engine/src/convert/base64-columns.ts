import { type LogicalType, quoteIdentifier } from '@hakiri/core';

/** JSON has no bytes: they stand in a spool as base64, and are decoded as they are read. */
export function holdsBytes(type: LogicalType): boolean {
  if (type.kind === 'list') return holdsBytes(type.item);
  if (type.kind === 'struct') return type.fields.some((field) => holdsBytes(field.type));
  return type.kind === 'bytes';
}

/** The type a value is read as. */
export function spoolType(type: LogicalType): LogicalType {
  if (!holdsBytes(type)) return type;
  if (type.kind === 'list') return { kind: 'list', item: spoolType(type.item) };
  if (type.kind !== 'struct') return { kind: 'string' };
  return { kind: 'struct', fields: type.fields.map((f) => ({ name: f.name, type: spoolType(f.type) })) };
}

/** SQL for the value with its bytes decoded, of one that was read as `spoolType`. */
export function decoded(value: string, type: LogicalType, depth = 0): string {
  if (!holdsBytes(type)) return value;
  if (type.kind === 'list') {
    const item = `item${depth}`;
    return `list_transform(${value}, lambda ${item}: ${decoded(item, type.item, depth + 1)})`;
  }
  if (type.kind !== 'struct') return `from_base64(${value})`;
  const fields = type.fields.map((field) => {
    const name = quoteIdentifier(field.name);
    return `${name} := ${decoded(`(${value}).${name}`, field.type, depth)}`;
  });
  return `CASE WHEN ${value} IS NULL THEN NULL ELSE struct_pack(${fields.join(', ')}) END`;
}
