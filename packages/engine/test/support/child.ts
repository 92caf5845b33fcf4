import { setTimeout as wait } from 'node:timers/promises';
import { runEngineChild } from '../../src/child/main.ts';

let asked = 0;

await runEngineChild({
  /** Waits, then tells how many times this child has been asked. */
  count: async () => async (_connection, request: { readonly waitMs: number }) => {
    await wait(request.waitMs);
    return ++asked;
  },
  /** Never gives the thread back. */
  spin: async () => async () => {
    for (;;);
  },
});
