import type { Grant } from './access.ts';
import type { Citation, JsonValue } from './serve.ts';

/** What agents remember: ordinary rows in the ordinary tables `memory_<namespace>`. No model is called to write. */
export interface Memory {
  /** Durable and searchable when it resolves. @throws HakiriError memory.invalid, memory.too_large */
  write(request: MemoryWrite, grant: Grant): Promise<MemoryWritten>;
  search(request: MemorySearch, grant: Grant): Promise<MemoryFound>;
  /** Deletes by id or by subject; the proof names the tombstones. `erase` removes the bytes as well. */
  forget(request: MemoryForget, grant: Grant): Promise<MemoryForgotten>;
}

export interface MemoryWrite {
  /** `default` when undefined; lower-case letters, digits, underscores. */
  readonly namespace?: string;
  readonly items: readonly MemoryItem[];
}

export interface MemoryItem {
  /** Whom or what it is about. */
  readonly subject?: string;
  readonly text: string;
  readonly tags?: readonly string[];
  readonly metadata?: { readonly [key: string]: JsonValue };
  /** Where it comes from, in the writer's words or as a `hakiri://` address. */
  readonly source?: string;
  /** The id of an item that this one replaces: it stays readable, and is left out of searches. */
  readonly supersedes?: string;
}

export interface MemoryWritten {
  readonly namespace: string;
  readonly ids: readonly string[];
  readonly run: string;
}

export interface MemorySearch {
  readonly namespace?: string;
  readonly text?: string;
  readonly subject?: string;
  readonly tags?: readonly string[];
  /** In the predicate language, over the table's columns. */
  readonly filter?: string;
  readonly k?: number;
  readonly includeSuperseded?: boolean;
}

export interface MemoryFound {
  readonly namespace: string;
  readonly items: readonly MemoryHit[];
}

export interface MemoryHit {
  readonly id: string;
  readonly subject: string | null;
  readonly text: string;
  readonly tags: readonly string[];
  readonly metadata: JsonValue;
  readonly source: string | null;
  readonly created: string;
  readonly superseded: string | null;
  /** Undefined without a text to search for. */
  readonly score?: number;
  readonly citation: Citation;
}

export interface MemoryForget {
  readonly namespace?: string;
  readonly ids?: readonly string[];
  readonly subject?: string;
  /** Whether the bytes go at once, from every file and index, not the row alone. */
  readonly erase?: boolean;
}

export interface MemoryForgotten {
  readonly namespace: string;
  /** Ids that were there and are no more. */
  readonly forgotten: readonly string[];
  /** The run that holds the tombstones, or the digests of the erasure, one an item. */
  readonly proof: { readonly run?: string; readonly erasures?: readonly string[] };
}
