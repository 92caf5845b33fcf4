import type { Readable, Writable } from 'node:stream';
import {
  INVALID_REQUEST,
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type RequestId,
  type Transport,
} from '@modelcontextprotocol/server';
import { type Parsed, parseMessage, type Refusal, refused } from './parse-message.ts';
import { splitLines } from './split-lines.ts';

export interface LineTransportOptions {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly maxLineBytes?: number;
  readonly drainMs?: number;
}

export interface LineTransport extends Transport {
  readonly closed: Promise<void>;
}

const MAX_LINE_BYTES = 4 * 1024 * 1024;
const DRAIN_MS = 30_000;

/**
 * Messages as lines, strict where the SDK's own transport is not: what is no message is answered with the error that
 * JSON-RPC has for it, a line over the limit costs that line and not the connection, and calls that are under way when
 * the input ends are still answered.
 */
export function lineTransport(options: LineTransportOptions): LineTransport {
  const { stdin, stdout, maxLineBytes = MAX_LINE_BYTES, drainMs = DRAIN_MS } = options;
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  const pending = new Set<RequestId>();
  let isClosed = false;
  let drainTimer: NodeJS.Timeout | undefined;

  const lines = splitLines(maxLineBytes, {
    onLine(line) {
      const read = readMessage(line);
      if (!read.ok) return refuse(read.refusal, read.id);
      if (isJSONRPCRequest(read.message)) pending.add(read.message.id);
      else if (isCancelled(read.message)) pending.delete(read.message.params.requestId);
      transport.onmessage?.(read.message);
    },
    onTooLong: () =>
      refuse({ code: INVALID_REQUEST, message: `Invalid Request: longer than ${maxLineBytes} bytes` }, null),
  });

  const refuse = ({ code, message }: Refusal, id: RequestId | null): void => {
    write({ jsonrpc: '2.0', id, error: { code, message } }).catch((error: Error) =>
      transport.onerror?.(error),
    );
    transport.onerror?.(new Error(message));
  };
  const write = (message: object): Promise<void> => {
    if (isClosed || stdout.destroyed) return Promise.reject(new Error('the connection is closed'));
    return new Promise((resolve, reject) => {
      stdout.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  };
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    clearTimeout(drainTimer);
    stdin.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onInputError);
    stdin.pause();
    transport.onclose?.();
    onClosed();
  };
  const closeWhenAnswered = (): void => {
    if (drainTimer !== undefined && pending.size === 0) void close();
  };
  const onData = (chunk: Buffer): void => lines.push(chunk);
  const onEnd = (): void => {
    if (isClosed) return;
    drainTimer ??= setTimeout(() => void close(), drainMs);
    closeWhenAnswered();
  };
  /** Of a socket: nobody is there any more to answer. A pipe closes after its end, and answers have their own. */
  const onClose = (): void => (stdout.destroyed ? void close() : onEnd());
  const onInputError = (error: Error): void => {
    transport.onerror?.(error);
    void close();
  };
  /** The client is gone. The listener stays: a late write must not end the process. */
  const onOutputError = (error: Error): void => {
    if (!isClosed) transport.onerror?.(error);
    void close();
  };

  const transport: LineTransport = {
    closed,
    async start() {
      stdin.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onInputError);
      stdout.on('error', onOutputError);
      // A socket whose first line somebody else has read was left paused.
      stdin.resume();
      if (stdin.readableEnded || stdin.destroyed) setImmediate(onEnd);
    },
    async send(message) {
      await write(message);
      if (isJSONRPCResponse(message) && message.id !== undefined) pending.delete(message.id);
      closeWhenAnswered();
    },
    close,
  };
  return transport;
}

type Read =
  | { readonly ok: true; readonly message: JSONRPCMessage }
  | ((Parsed & { readonly ok: false }) & { readonly id: RequestId | null });

function readMessage(line: string): Read {
  const parsed = parseMessage(line);
  if (!parsed.ok) return { ...parsed, id: null };
  const { value } = parsed;
  if (Array.isArray(value)) {
    return { ...refused(INVALID_REQUEST, 'Invalid Request: batches are not taken'), id: null };
  }
  return isMessage(value)
    ? { ok: true, message: value }
    : { ...refused(INVALID_REQUEST, 'Invalid Request: not a JSON-RPC 2.0 message'), id: idOf(value) };
}

function isMessage(value: unknown): value is JSONRPCMessage {
  return (
    isJSONRPCRequest(value) ||
    isJSONRPCNotification(value) ||
    isJSONRPCResultResponse(value) ||
    isJSONRPCErrorResponse(value)
  );
}

/** What a refused message was called, where it says so. */
function idOf(value: unknown): RequestId | null {
  if (typeof value !== 'object' || value === null || !('id' in value)) return null;
  return typeof value.id === 'string' || Number.isSafeInteger(value.id) ? (value.id as RequestId) : null;
}

function isCancelled(
  message: JSONRPCMessage,
): message is JSONRPCMessage & { readonly params: { readonly requestId: RequestId } } {
  return (
    'method' in message &&
    message.method === 'notifications/cancelled' &&
    ['string', 'number'].includes(typeof message.params?.requestId)
  );
}
