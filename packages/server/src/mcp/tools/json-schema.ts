import { z } from 'zod';

/**
 * A schema as JSON Schema 2020-12, in forms that every client takes: one type at a time, none that is empty, and
 * nothing that says nothing.
 */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return portable(made) as Record<string, unknown>;
}

const ANY_JSON = ['string', 'number', 'boolean', 'null', 'array', 'object'].map((type) => ({ type }));

/** Keywords whose value is a map of names to schemas; the names are not keywords. */
const MAPS = new Set(['properties', '$defs']);

function portable(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(portable);
  if (typeof node !== 'object' || node === null) return node;
  const said = Object.entries(node).filter(([keyword, value]) => !saysNothing(keyword, value));
  const schema = Object.fromEntries(
    said.map(([keyword, value]) => [keyword, MAPS.has(keyword) ? eachPortable(value) : portable(value)]),
  );
  const { description, ...rest } = schema;
  if (Object.keys(rest).length === 0) return { ...schema, anyOf: ANY_JSON };
  if (!Array.isArray(rest.type)) return schema;
  const { type, ...others } = schema;
  return { ...others, anyOf: rest.type.map((one) => ({ type: one })) };
}

function eachPortable(map: object): object {
  return Object.fromEntries(Object.entries(map).map(([name, schema]) => [name, portable(schema)]));
}

function saysNothing(keyword: string, value: unknown): boolean {
  if (keyword === 'minimum') return value === Number.MIN_SAFE_INTEGER;
  if (keyword === 'maximum') return value === Number.MAX_SAFE_INTEGER;
  return keyword === 'propertyNames' && JSON.stringify(value) === '{"type":"string"}';
}
