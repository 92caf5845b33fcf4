import * as z from 'zod';
import { manifestSchema } from './manifest-schema.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema (draft 2020-12) of a manifest file, for editors and agents. With `connectors`, the schema of
 * each connector's `source.config` by the connector's name, it holds those too, and no other connector passes.
 */
export function manifestJsonSchema(connectors: Readonly<Record<string, JsonSchema>> = {}): JsonSchema {
  const { $schema, ...schema } = z.toJSONSchema(manifestSchema, { io: 'input', target: 'draft-2020-12' });
  const names = Object.keys(connectors);
  return {
    $schema,
    $id: 'https://hakiri.dev/schema/manifest-0.1.json',
    title: 'Hakiri manifest',
    description: 'hakiri.toml, and the files under pipelines/: what this build of Hakiri carries out.',
    ...schema,
    ...(names.length === 0
      ? {}
      : {
          allOf: [{ properties: { pipeline: { items: connectorRules(names) } } }],
          $defs: Object.fromEntries(
            names.map((name) => [`config-${name}`, withoutMark(connectors[name] ?? {})]),
          ),
        }),
  };
}

function connectorRules(names: readonly string[]): JsonSchema {
  const ofSource = (properties: JsonSchema): JsonSchema => ({ properties: { source: { properties } } });
  return {
    ...ofSource({ connector: { enum: names } }),
    allOf: names.map((name) => ({
      if: {
        properties: { source: { properties: { connector: { const: name } }, required: ['connector'] } },
        required: ['source'],
      },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: ofSource({ config: { $ref: `#/$defs/config-${name}` } }),
    })),
  };
}

/** A schema within a schema does not say which draft it is. */
function withoutMark({ $schema: _, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
