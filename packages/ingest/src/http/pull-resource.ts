import type { SetAside, SourceWarning } from '@hakiri/core';
import type { HttpClient } from '../toolkit/http-client.ts';
import { pullChildren } from './pull-children.ts';
import { pullList } from './pull-list.ts';
import type { Resource } from './resource.ts';
import type { ResourceState } from './resource-state.ts';

/** What a pull of a resource needs beside the resource. */
export interface PullContext {
  readonly client: HttpClient;
  readonly baseUrl: string;
  /** Sent to the origin of the base address only. */
  readonly headers: Readonly<Record<string, string>>;
  readonly maxRecordBytes: number;
  /** Members every record starts with, as JSON text without braces. */
  readonly prefix: Uint8Array | undefined;
  readonly digestKey: Uint8Array | undefined;
  readonly signal: AbortSignal;
}

/** Records of a resource on their way out. */
export interface PulledPiece {
  readonly records: Uint8Array;
  readonly rows: number;
  readonly setAside: readonly SetAside[];
  /** What holds once this piece, and all before it, are committed. */
  readonly state?: ResourceState;
  /** On the last piece: whether the whole list was read. */
  readonly end?: 'whole' | 'partial';
  readonly warnings?: readonly SourceWarning[];
  readonly pages: { readonly done: number; readonly total?: number };
}

/** Pulls a resource from a state on. The last piece carries `end`. */
export function pullResource(
  resource: Resource,
  context: PullContext,
  from: ResourceState | undefined,
): AsyncGenerator<PulledPiece> {
  return resource.parent === undefined
    ? pullList(resource, resource.path, context, from)
    : pullChildren(resource, resource.parent, context, from);
}
