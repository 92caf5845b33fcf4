import type { Readable, Writable } from 'node:stream';
import { serveStdio as serveConnection } from '@modelcontextprotocol/server/stdio';
import type { Door } from '../caller/doors.ts';
import { type McpHandlers, throughDoor } from './create-mcp.ts';
import { lineTransport } from './line-transport.ts';

export interface StdioOptions {
  /** Asked at each request whose it is. */
  readonly door: Door;
  /** Standard input, or a socket. */
  readonly stdin: Readable;
  /** Standard output, or the same socket. Nothing else may write to it. */
  readonly stdout: Writable;
  /** Ends the connection. */
  readonly signal?: AbortSignal;
  /** Of one message; a longer one is refused and skipped. 4 MB when undefined. */
  readonly maxLineBytes?: number;
  /** How long calls that are under way when the input ends may take to answer. 30 s when undefined. */
  readonly drainMs?: number;
}

export interface StdioConnection {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** Serves one client that speaks the protocol in lines. The first message decides the protocol's era. */
export function serveStdio(mcp: McpHandlers, options: StdioOptions): StdioConnection {
  const transport = lineTransport(options);
  const handle = serveConnection(mcp.serverFor(throughDoor(options.door)), {
    transport,
    onerror: mcp.onError,
  });
  const close = (): Promise<void> => handle.close();
  const onAbort = (): void => void close();
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  return {
    closed: transport.closed.finally(() => options.signal?.removeEventListener('abort', onAbort)),
    close,
  };
}
