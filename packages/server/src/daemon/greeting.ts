import { createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import { ERROR_CATALOGUE, type ErrorCode, HakiriError } from '@hakiri/core';

/**
 * The first line on the project's socket says as whom its client comes; the daemon answers with a line of its own.
 * From there on the connection carries the protocol. This module loads nothing of it.
 */
export interface Greeting {
  readonly token?: string;
  /** Instead of a token: `ownerProof` of the project's key. */
  readonly owner?: string;
  readonly incognito?: boolean;
}

const VERSION = 1;
const MOST_BYTES = 64 * 1024;
const TIMEOUT_MS = 10_000;
const NEWLINE = 0x0a;

/** Shows that one can read the key, and does not show the key. */
export function ownerProof(signingKey: string): string {
  return createHmac('sha256', signingKey.trim())
    .update('hakiri: the owner, at the socket')
    .digest('base64url');
}

/**
 * Introduces a client. False where nobody answers.
 * @throws HakiriError with what the daemon says against it; server.unreachable where it does not know greetings
 */
export async function greet(socket: Socket, greeting: Greeting): Promise<boolean> {
  socket.write(`${JSON.stringify({ hakiri: VERSION, ...greeting })}\n`);
  const line = await firstLine(socket);
  if (line === undefined) return false;
  const { hakiri, error } = (parsed(line) ?? {}) as {
    readonly hakiri?: unknown;
    readonly error?: {
      readonly message: string;
      readonly data?: { readonly code: string; readonly hint: string };
    };
  };
  if (hakiri === VERSION) return true;
  const { code = '', hint = '' } = error?.data ?? {};
  if (error !== undefined && Object.hasOwn(ERROR_CATALOGUE, code)) {
    throw new HakiriError(code as ErrorCode, error.message, { hint });
  }
  throw new HakiriError('server.unreachable', 'The daemon of this project is of another version', {
    hint: 'Stop it, and start `hakiri serve` again.',
  });
}

/** Undefined where the first line is none of ours, does not come in time, or the client goes away. */
export async function readGreeting(socket: Socket, signal: AbortSignal): Promise<Greeting | undefined> {
  const line = await firstLine(socket, signal);
  const value = line === undefined ? undefined : parsed(line);
  if (typeof value !== 'object' || value === null) return undefined;
  const { hakiri, token, owner, incognito } = value as Readonly<Record<string, unknown>>;
  if (hakiri !== VERSION) return undefined;
  if (token !== undefined && typeof token !== 'string') return undefined;
  if (owner !== undefined && typeof owner !== 'string') return undefined;
  return {
    ...(token === undefined ? {} : { token }),
    ...(owner === undefined ? {} : { owner }),
    // What is not plainly absent or false is taken for the narrower.
    incognito: incognito !== undefined && incognito !== false,
  };
}

export function welcome(socket: Socket): void {
  socket.write(`${JSON.stringify({ hakiri: VERSION })}\n`);
}

/** In the form of the protocol, for whoever speaks that at once. */
export function refuse(socket: Socket, { code, message, hint }: HakiriError): void {
  const error = { code: -32_600, message, data: { code, hint } };
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: null, error })}\n`);
}

/** Leaves the socket paused, with what came behind the line still to be read. */
function firstLine(socket: Socket, signal?: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    let held = Buffer.alloc(0);
    const done = (line?: string): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('end', onGone).off('close', onGone);
      signal?.removeEventListener('abort', onGone);
      socket.pause();
      resolve(line);
    };
    const onGone = (): void => done();
    const onData = (chunk: Buffer): void => {
      held = Buffer.concat([held, chunk]);
      const end = held.indexOf(NEWLINE);
      if (end === -1 && held.length <= MOST_BYTES) return;
      done(end === -1 ? undefined : held.subarray(0, end).toString('utf8'));
      if (end !== -1 && end + 1 < held.length) socket.unshift(held.subarray(end + 1));
    };
    const timer = setTimeout(onGone, TIMEOUT_MS);
    socket.on('data', onData).once('end', onGone).once('close', onGone);
    signal?.addEventListener('abort', onGone, { once: true });
    if (signal?.aborted || socket.destroyed) onGone();
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
