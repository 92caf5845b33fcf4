import { HakiriError } from '../errors.ts';
import type { LogicalType } from './logical-type.ts';
import type { TableSchema } from './table-schema.ts';

/**
 * A field as in Arrow's integration-test JSON
 * (https://arrow.apache.org/docs/format/Integration.html#json-test-data-format).
 */
export interface ArrowField {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: ArrowType;
  readonly children: readonly ArrowField[];
  readonly metadata?: readonly { readonly key: string; readonly value: string }[];
}

export type ArrowType =
  | { readonly name: 'null' | 'bool' | 'utf8' | 'binary' | 'list' | 'struct' }
  | { readonly name: 'int'; readonly bitWidth: 8 | 16 | 32 | 64; readonly isSigned: true }
  | { readonly name: 'floatingpoint'; readonly precision: 'DOUBLE' }
  | { readonly name: 'date'; readonly unit: 'DAY' }
  | { readonly name: 'time'; readonly unit: 'MICROSECOND'; readonly bitWidth: 64 }
  | { readonly name: 'timestamp'; readonly unit: 'MICROSECOND'; readonly timezone?: 'UTC' }
  | {
      readonly name: 'decimal';
      readonly precision: number;
      readonly scale: number;
      readonly bitWidth: 128;
    };

export interface ArrowSchema {
  readonly fields: readonly ArrowField[];
}

const JSON_EXTENSION = [{ key: 'ARROW:extension:name', value: 'arrow.json' }] as const;

function toArrowSchema(schema: TableSchema): ArrowSchema {
  return { fields: schema.columns.map((column) => toField(column.name, column.type)) };
}

/**
 * The schema as JSON text: same schema, same bytes, so that their SHA-256 is the schema's fingerprint.
 * Keys come in the order in which this file writes them; two spaces a level, a newline at the end.
 */
export function canonicalArrowJson(schema: TableSchema): string {
  return `${JSON.stringify(toArrowSchema(schema), null, 2)}\n`;
}

/** The inverse of `canonicalArrowJson`. Throws `store.damaged` on anything it could not have written. */
export function parseArrowJson(text: string): TableSchema {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw damaged('it is not JSON', cause);
  }
  const fields = (raw as Partial<ArrowSchema> | null)?.fields;
  if (!Array.isArray(fields)) throw damaged('it has no fields');
  const schema: TableSchema = { columns: fields.map(fromField) };
  // Writing it again is the check: a key left out, added or of another type changes the text.
  if (JSON.stringify(toArrowSchema(schema)) !== JSON.stringify(raw)) {
    throw damaged('it holds something else than a schema');
  }
  return schema;
}

function toField(name: string, type: LogicalType): ArrowField {
  const children =
    type.kind === 'list'
      ? [toField('item', type.item)]
      : type.kind === 'struct'
        ? type.fields.map((field) => toField(field.name, field.type))
        : [];
  const field = { name, nullable: true, type: toArrowType(type), children };
  return type.kind === 'json' ? { ...field, metadata: JSON_EXTENSION } : field;
}

function toArrowType(type: LogicalType): ArrowType {
  switch (type.kind) {
    case 'undecided':
      return { name: 'null' };
    case 'boolean':
      return { name: 'bool' };
    case 'int8':
      return { name: 'int', bitWidth: 8, isSigned: true };
    case 'int16':
      return { name: 'int', bitWidth: 16, isSigned: true };
    case 'int32':
      return { name: 'int', bitWidth: 32, isSigned: true };
    case 'int64':
      return { name: 'int', bitWidth: 64, isSigned: true };
    case 'double':
      return { name: 'floatingpoint', precision: 'DOUBLE' };
    case 'string':
    case 'json':
      return { name: 'utf8' };
    case 'bytes':
      return { name: 'binary' };
    case 'date':
      return { name: 'date', unit: 'DAY' };
    case 'time':
      return { name: 'time', unit: 'MICROSECOND', bitWidth: 64 };
    case 'timestamp':
      return { name: 'timestamp', unit: 'MICROSECOND', timezone: 'UTC' };
    case 'datetime':
      return { name: 'timestamp', unit: 'MICROSECOND' };
    case 'decimal':
      return { name: 'decimal', precision: type.precision, scale: type.scale, bitWidth: 128 };
    case 'list':
    case 'struct':
      return { name: type.kind };
  }
}

function fromField(raw: unknown): { readonly name: string; readonly type: LogicalType } {
  const field = raw as Partial<ArrowField> | null;
  if (typeof field?.name !== 'string' || !Array.isArray(field.children))
    throw damaged('a field is incomplete');
  return { name: field.name, type: fromArrowType(field as ArrowField) };
}

function fromArrowType(field: ArrowField): LogicalType {
  const type = field.type as ArrowType | undefined;
  switch (type?.name) {
    case 'null':
      return { kind: 'undecided' };
    case 'bool':
      return { kind: 'boolean' };
    case 'int':
      return { kind: `int${type.bitWidth}` };
    case 'floatingpoint':
      return { kind: 'double' };
    case 'utf8':
      return { kind: field.metadata === undefined ? 'string' : 'json' };
    case 'binary':
      return { kind: 'bytes' };
    case 'date':
      return { kind: 'date' };
    case 'time':
      return { kind: 'time' };
    case 'timestamp':
      return { kind: type.timezone === undefined ? 'datetime' : 'timestamp' };
    case 'decimal':
      return { kind: 'decimal', precision: type.precision, scale: type.scale };
    case 'list': {
      const item = field.children[0];
      if (item === undefined) throw damaged('a list has no item');
      return { kind: 'list', item: fromField(item).type };
    }
    case 'struct':
      return { kind: 'struct', fields: field.children.map(fromField) };
    default:
      throw damaged('a type is unknown');
  }
}

function damaged(why: string, cause?: unknown): HakiriError {
  return new HakiriError('store.damaged', `A schema file cannot be read: ${why}.`, { cause });
}
