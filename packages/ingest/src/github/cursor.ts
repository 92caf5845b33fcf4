import { z } from 'zod';
import { parseVersioned, type ResourceState, resourceStateSchema } from '../http/resource-state.ts';

const VERSION = 1;
const schema = z.object({ v: z.literal(VERSION), repos: z.record(z.string(), resourceStateSchema) });

/** Where a table stands, by repository. */
export type RepoStates = Readonly<Record<string, ResourceState>>;

export function encodeRepoStates(repos: RepoStates): string {
  return JSON.stringify({ v: VERSION, repos });
}

/** Undefined for a cursor this version does not understand: the table is then read from the start. */
export function decodeRepoStates(cursor: string | undefined): RepoStates | undefined {
  return parseVersioned(cursor, schema)?.repos;
}
