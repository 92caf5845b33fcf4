import type { WriterJob } from '@hakiri/engine/child';

/** The engine's, in one of its children. */
export type Connection = Parameters<WriterJob>[0];
