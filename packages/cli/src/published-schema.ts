import { type JsonSchema, manifestJsonSchema } from '@hakiri/core/manifest';
import { builtInSources } from '@hakiri/ingest';
import { toJSONSchema } from 'zod';

/** The JSON Schema of the manifest as this build reads it, the configuration of each built-in source included. */
export function publishedSchema(): JsonSchema {
  const connectors = Object.entries(builtInSources).map(([name, { configSchema }]) => [
    name,
    toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' }),
  ]);
  return manifestJsonSchema(Object.fromEntries(connectors));
}
