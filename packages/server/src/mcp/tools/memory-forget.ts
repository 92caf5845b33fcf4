import { HakiriError } from '@hakiri/core';
import { z } from 'zod';
import { mayMemory } from '../../caller/rights.ts';
import { idField, namespaceField } from './memory-fields.ts';
import { present } from './present.ts';
import { answer, defineTool } from './tool.ts';

export const memoryForget = defineTool({
  name: 'memory_forget',
  title: 'Forget',
  description:
    'Deletes memories for good, by id or all about one subject, and returns the proof. They are gone from searches, queries and citations at once. With erase the bytes go, too, from every file and index, now: slow, for what must not exist any more. Ask the user first unless they asked for it.',
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: z.strictObject({
    namespace: namespaceField,
    ids: z.array(idField).min(1).max(1000).optional(),
    subject: z.string().min(1).max(1000).optional(),
    erase: z.boolean().optional(),
  }),
  output: z.object({
    namespace: z.string(),
    forgotten: z.array(z.string()).describe('Ids that were there and are no more.'),
    proof: z.object({
      run: z.string().optional().describe('The run that holds the tombstones.'),
      erasures: z.array(z.string()).optional().describe('The digests of the erasure, one an item.'),
    }),
  }),
  isFor: ({ grant }) => mayMemory(grant, 'write'),
  async run({ namespace, ids, subject, erase }, { services, grant }) {
    if ((ids === undefined) === (subject === undefined)) {
      throw new HakiriError('usage.argument', 'the arguments do not fit: give either ids or subject', {
        hint: 'memory_search finds the ids.',
      });
    }
    const forgotten = await services.memory.forget(present({ namespace, ids, subject, erase }), grant);
    return answer(
      {
        namespace: forgotten.namespace,
        forgotten: [...forgotten.forgotten],
        proof: present({
          run: forgotten.proof.run,
          erasures: forgotten.proof.erasures && [...forgotten.proof.erasures],
        }),
      },
      false,
      ({ namespace: where, forgotten: gone, proof }) =>
        gone.length === 0
          ? `Nothing to forget was found in "${where}".`
          : `Forgotten in "${where}": ${gone.length} (proof: ${proof.erasures?.join(', ') ?? proof.run ?? 'none'})`,
    );
  },
});
