import type { LogicalType } from '@hakiri/core';

/** Integers as doubles: what a value is read as to find out whether it is one. */
export function wideType(type: LogicalType): LogicalType {
  switch (type.kind) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return { kind: 'double' };
    case 'list':
      return { kind: 'list', item: wideType(type.item) };
    case 'struct':
      return { kind: 'struct', fields: type.fields.map((f) => ({ name: f.name, type: wideType(f.type) })) };
    default:
      return type;
  }
}
