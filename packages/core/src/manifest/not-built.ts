import type * as z from 'zod';
import { embeddingSchema } from './embedding-schema.ts';
import { textIndexSchema, vectorIndexSchema } from './index-schema.ts';
import {
  columnSchema,
  manifestSchema,
  pipelineSchema,
  projectSchema,
  sourceSchema,
  tableSchema,
  transformSchema,
} from './manifest-schema.ts';
import { policyCallerSchema, policySchema, policyTestSchema } from './policy-schema.ts';
import { valueAt } from './problem.ts';

/** A kind of table in a manifest: the keys it takes, and those of the contract that this build does not carry out. */
export interface Place {
  readonly keys: readonly string[];
  readonly notBuilt: readonly string[];
}

const place = (schema: z.ZodObject, notBuilt: readonly string[] = []): Place => ({
  keys: Object.keys(schema.shape),
  notBuilt,
});

const EMBEDDING = place(embeddingSchema);
const TEXT_INDEX = place(textIndexSchema);
const VECTOR_INDEX = place(vectorIndexSchema);
const COLUMN = place(columnSchema);

/** By the keys that lead there, list indexes left out. */
const PLACES: Readonly<Record<string, Place>> = {
  '': place(manifestSchema, ['sync']),
  project: place(projectSchema),
  policy: place(policySchema),
  policy_test: place(policyTestSchema),
  'policy_test.as': place(policyCallerSchema),
  pipeline: place(pipelineSchema, ['access_pattern', 'partitions', 'replicate']),
  'pipeline.source': place(sourceSchema),
  'pipeline.tables': place(tableSchema, ['schedule', 'partitions', 'replicate', 'embedding']),
  'pipeline.transforms': place(transformSchema),
  transforms: place(transformSchema),
};

export function placeAt(path: readonly PropertyKey[], raw: unknown): Place | undefined {
  const keys = path.filter((part) => typeof part === 'string');
  if (keys.length === 4 && keys[1] === 'tables' && keys[2] === 'columns') return COLUMN;
  if (keys.length === 4 && keys[1] === 'tables' && keys[2] === 'indexes') {
    return valueAt(raw, [...path, 'kind']) === 'vector' ? VECTOR_INDEX : TEXT_INDEX;
  }
  if (keys.length === 2 && keys[0] === 'embedding') return EMBEDDING;
  const joined = keys.join('.');
  return Object.hasOwn(PLACES, joined) ? PLACES[joined] : undefined;
}
