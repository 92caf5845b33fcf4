import type * as z from 'zod';
import {
  columnSchema,
  manifestSchema,
  pipelineSchema,
  projectSchema,
  sourceSchema,
  tableSchema,
  transformSchema,
} from './manifest-schema.ts';

/** A kind of table in a manifest: the keys it takes, and those of the contract that this build does not carry out. */
export interface Place {
  readonly keys: readonly string[];
  readonly notBuilt: readonly string[];
}

const place = (schema: z.ZodObject, notBuilt: readonly string[] = []): Place => ({
  keys: Object.keys(schema.shape),
  notBuilt,
});

const COLUMN = place(columnSchema, ['pii_type', 'on_write', 'contains', 'inference_zone_allowed']);

/** By the keys that lead there, list indexes left out. */
const PLACES: Readonly<Record<string, Place>> = {
  '': place(manifestSchema, ['embedding', 'sync', 'policy']),
  project: place(projectSchema, ['public_keys']),
  pipeline: place(pipelineSchema, [
    'schedule',
    'access_pattern',
    'partitions',
    'replicate',
    'inference_zone_allowed',
  ]),
  'pipeline.source': place(sourceSchema),
  'pipeline.tables': place(tableSchema, [
    'schedule',
    'partitions',
    'replicate',
    'inference_zone_allowed',
    'indexes',
    'embedding',
  ]),
  'pipeline.transforms': place(transformSchema),
  transforms: place(transformSchema),
};

/** Whether the contract has this value of a table's key, but this build does not carry it out. */
export function isNotBuiltValue(path: readonly PropertyKey[], value: unknown): boolean {
  const keys = path.filter((part) => typeof part === 'string').join('.');
  return keys === 'pipeline.tables.unknown_columns' && value === 'redact';
}

export function placeAt(path: readonly PropertyKey[]): Place | undefined {
  const keys = path.filter((part) => typeof part === 'string');
  if (keys.length === 4 && keys[1] === 'tables' && keys[2] === 'columns') return COLUMN;
  const joined = keys.join('.');
  return Object.hasOwn(PLACES, joined) ? PLACES[joined] : undefined;
}
