import { connect, type Socket } from 'node:net';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { splitLines } from '../mcp/split-lines.ts';
import { type Greeting, greet } from './greeting.ts';

export { type Greeting, ownerProof } from './greeting.ts';
export { socketPath } from './socket-path.ts';

/** This module loads nothing of the protocol: whoever only passes messages on stays small and starts fast. */

export interface Pipes {
  readonly stdin: Readable;
  readonly stdout: Writable;
}

export interface RelayOptions extends Pipes {
  readonly daemon: Socket;
  /** Serves what is left of the conversation when the daemon is gone; resolves when it is over. */
  goOnAlone(pipes: Pipes, session: { readonly incognito: boolean }): Promise<void>;
  /** Ends the conversation. */
  readonly signal: AbortSignal;
}

/**
 * Undefined where nobody listens: no socket, or one that a daemon left behind, or one that does not answer.
 * @throws HakiriError with what the daemon says against whoever comes
 */
export async function connectToDaemon(path: string, greeting: Greeting): Promise<Socket | undefined> {
  const socket = await connected(path);
  if (socket === undefined) return undefined;
  try {
    if (await greet(socket, greeting)) return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.destroy();
  return undefined;
}

function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.off('error', onError);
      // Its end is told by 'close'.
      socket.on('error', () => {});
      resolve(socket);
    });
    const onError = (): void => resolve(undefined);
    socket.once('error', onError);
  });
}

const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

type Id = string | number;

interface Message {
  readonly id?: Id;
  readonly method?: string;
  readonly params?: { readonly name?: unknown };
}

const GOES_INCOGNITO = ['session_incognito', 'session.incognito'] as const;

/**
 * Passes the lines of a client on to the daemon and back. A daemon that goes away in the middle is replaced: calls it
 * has not answered fail, and whoever goes on alone is told how the client introduced itself.
 */
export async function relay({ stdin, stdout, daemon, goOnAlone, signal }: RelayOptions): Promise<void> {
  const pending = new Set<Id>();
  let introduction: { readonly id: Id; readonly line: string } | undefined;
  let isIntroduced: string | undefined;
  let to: Writable = daemon;
  let isOver = false;
  let incognito = false;

  const send = (line: string): void => {
    if (to.destroyed || to.write(`${line}\n`)) return;
    stdin.pause();
    to.once('drain', () => stdin.resume());
  };
  const incoming = splitLines(MAX_LINE_BYTES, {
    onLine(line) {
      const { id, method, params } = messageOf(line);
      // Whether it was answered or not: whoever goes on alone never sees more.
      if (GOES_INCOGNITO.some((name) => name === params?.name)) incognito = true;
      if (id !== undefined && method !== undefined) pending.add(id);
      if (id !== undefined && method === 'initialize') introduction = { id, line };
      if (method === 'notifications/initialized') isIntroduced = line;
      send(line);
    },
    onTooLong: () => answer(null, -32_600, `Invalid Request: longer than ${MAX_LINE_BYTES} bytes`),
  });
  const answer = (id: Id | null, code: number, message: string): void => {
    stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })}\n`);
  };

  const onData = (chunk: Buffer): void => incoming.push(chunk);
  const onEnd = (): void => {
    isOver = true;
    to.end();
  };
  stdin.on('data', onData).once('end', onEnd).once('close', onEnd);
  stdout.once('error', onEnd);
  signal.addEventListener('abort', onEnd, { once: true });

  await new Promise<void>((resolve) => {
    const outgoing = splitLines(NO_LIMIT, {
      onLine(line) {
        const { id, method } = messageOf(line);
        if (id !== undefined && method === undefined) pending.delete(id);
        if (stdout.write(`${line}\n`)) return;
        daemon.pause();
        stdout.once('drain', () => daemon.resume());
      },
      onTooLong: () => {},
    });
    daemon.on('data', (chunk: Buffer) => outgoing.push(chunk)).once('close', resolve);
    daemon.resume();
  });
  if (isOver) return;

  const isUnanswered = introduction !== undefined && pending.delete(introduction.id);
  for (const id of pending) answer(id, -32_000, 'The daemon ended before it answered: ask again.');
  const input = new PassThrough();
  const output = new PassThrough();
  to = input;
  const again = isUnanswered ? undefined : introduction?.id;
  let isAnswered = again === undefined;
  const own = splitLines(NO_LIMIT, {
    onLine(line) {
      // The client has had an answer to its introduction.
      if (!isAnswered && messageOf(line).id === again) isAnswered = true;
      else stdout.write(`${line}\n`);
    },
    onTooLong: () => {},
  });
  output.on('data', (chunk: Buffer) => own.push(chunk));
  if (introduction !== undefined) input.write(`${introduction.line}\n`);
  if (isIntroduced !== undefined) input.write(`${isIntroduced}\n`);
  await goOnAlone({ stdin: input, stdout: output }, { incognito });
}

/** What is no message has neither; the other side says so. */
function messageOf(line: string): Message {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null ? (value as Message) : {};
  } catch {
    return {};
  }
}
