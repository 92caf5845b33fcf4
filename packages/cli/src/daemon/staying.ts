import type { Staying } from '../node-host.ts';
import type { Environment } from '../output.ts';

const KEEP_WRITER_MS = 2000;
const KEEP_CHILDREN_MS = 45_000;

/** HAKIRI_IDLE_MS sets how long idle children are kept, for whoever measures what is left without them. */
export function staying(command: string, env: Environment, onNote: Staying['onNote']): Staying {
  const keepChildrenMs = Number(env.HAKIRI_IDLE_MS ?? KEEP_CHILDREN_MS);
  return {
    command,
    keepWriterMs: KEEP_WRITER_MS,
    keepChildrenMs: Number.isFinite(keepChildrenMs) ? keepChildrenMs : KEEP_CHILDREN_MS,
    onNote,
  };
}
