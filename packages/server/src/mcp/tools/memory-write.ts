import type { JsonValue, MemoryItem } from '@hakiri/core';
import { z } from 'zod';
import { mayMemory } from '../../caller/rights.ts';
import { idField, namespaceField } from './memory-fields.ts';
import { present } from './present.ts';
import { answer, defineTool } from './tool.ts';

const item = z.strictObject({
  text: z.string().min(1).describe('What to remember, in words that stand on their own.'),
  subject: z
    .string()
    .max(1000)
    .optional()
    .describe('Whom or what it is about: what memory_forget can ask for.'),
  tags: z.array(z.string().max(200)).max(100).optional(),
  metadata: z.record(z.string(), z.unknown()).optional().describe('Any JSON.'),
  source: z
    .string()
    .max(10_000)
    .optional()
    .describe('Where you know it from: a hakiri:// address of a citation, or in words.'),
  supersedes: idField
    .optional()
    .describe('The id of an item that this one replaces; it stays readable and is left out of searches.'),
});

export const memoryWrite = defineTool({
  name: 'memory_write',
  title: 'Remember',
  description:
    'Keeps what should outlast this conversation: decisions, preferences, findings. Durable and searchable at once, for every agent of this project. Write facts that stand on their own, one an item, with their source; replace what is no longer true with supersedes. Never write secrets.',
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input: z.strictObject({ namespace: namespaceField, items: z.array(item).min(1).max(100) }),
  output: z.object({
    namespace: z.string(),
    ids: z.array(z.string()).describe('In the order of items.'),
    run: z.string(),
  }),
  isFor: ({ grant }) => mayMemory(grant, 'write'),
  async run({ namespace, items }, { services, grant }) {
    const written = await services.memory.write(present({ namespace, items: items.map(memoryItem) }), grant);
    return answer(
      { namespace: written.namespace, ids: [...written.ids], run: written.run },
      false,
      ({ ids }) => `Remembered in "${written.namespace}": ${ids.join(', ')}`,
    );
  },
});

function memoryItem({ metadata, ...fields }: z.output<typeof item>): MemoryItem {
  // All of it came out of JSON.
  return present({ ...fields, metadata: metadata as { readonly [key: string]: JsonValue } | undefined });
}
