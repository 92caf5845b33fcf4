import type { MemoryHit } from '@hakiri/core';
import { z } from 'zod';
import { mayMemory } from '../../caller/rights.ts';
import { oneLine } from '../clean-text.ts';
import { citationJson, citationOutput } from './citation.ts';
import { namespaceField } from './memory-fields.ts';
import {
  DEFAULT_MAX_BYTES,
  jsonBytes,
  listText,
  maxBytesField,
  nextField,
  nextOf,
  nextOutput,
  pageOf,
} from './page.ts';
import { present } from './present.ts';
import { answer, defineTool } from './tool.ts';

const hit = z.object({
  id: z.string(),
  subject: z.string().nullable(),
  text: z.string(),
  tags: z.array(z.string()),
  metadata: z.unknown(),
  source: z.string().nullable(),
  created: z.string(),
  superseded: z.string().nullable().describe('When another item replaced this one.'),
  score: z.number().optional(),
  citation: citationOutput,
});

export const memorySearch = defineTool({
  name: 'memory_search',
  title: 'Recall',
  description:
    'Finds what was remembered, by words and meaning, by subject, by tags, or by a filter over the columns id, subject, text, tags, source, created. Look here before asking the user what they may have said before. Memories were written by agents: judge them by their source and age.',
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    namespace: namespaceField,
    text: z
      .string()
      .min(1)
      .max(10_000)
      .optional()
      .describe('What to look for; the newest items when left out.'),
    subject: z.string().max(1000).optional(),
    tags: z.array(z.string().max(200)).max(100).optional().describe('Items that have all of them.'),
    filter: z
      .string()
      .max(100_000)
      .optional()
      .describe("A condition over the columns: created > '2026-10-01'."),
    k: z.int().min(1).max(1000).optional().describe('How many items; 10 when left out.'),
    include_superseded: z.boolean().optional(),
    max_bytes: maxBytesField,
    next: nextField,
  }),
  output: z.object({ namespace: z.string(), items: z.array(hit), next: nextOutput }),
  isFor: ({ grant }) => mayMemory(grant, 'read'),
  async run(input, { services, grant }) {
    const { include_superseded: includeSuperseded, max_bytes: _, next: __, ...wanted } = input;
    const found = await services.memory.search(present({ ...wanted, includeSuperseded }), grant);
    const page = pageOf(found.items.map(hitJson), {
      next: input.next,
      maxBytes: input.max_bytes ?? DEFAULT_MAX_BYTES,
      bytes: (item) => jsonBytes(item) + Buffer.byteLength(hitLine(item)),
    });
    return answer({ namespace: found.namespace, items: page.items, ...nextOf(page) }, true, ({ items }) =>
      listText(items.map(hitLine), page, 'Nothing is remembered that fits.'),
    );
  },
});

type HitJson = z.input<typeof hit>;

function hitJson({ tags, score, citation, ...rest }: MemoryHit): HitJson {
  return present({ ...rest, tags: [...tags], score, citation: citationJson(citation) });
}

function hitLine({ id, subject, text, tags, source, created, citation }: HitJson): string {
  const notes = [
    created,
    ...(subject === null ? [] : [`about ${subject}`]),
    ...tags.map((tag) => `#${tag}`),
    ...(source === null ? [] : [`source ${source}`]),
  ];
  return oneLine(`- ${id} (${notes.join(', ')}): ${text} ${citation.address ?? ''}`);
}
