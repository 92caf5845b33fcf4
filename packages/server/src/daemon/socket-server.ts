import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { HakiriError } from '@hakiri/core';

export interface SocketServer {
  readonly path: string;
  /** Takes nobody in any more. Who is connected stays. */
  close(): Promise<void>;
}

/**
 * Listens on a socket that only this user may connect to. Only for whoever holds the daemon's lock: then a socket that
 * lies there belonged to a daemon that is gone.
 * @throws HakiriError server.port_taken where it cannot listen
 */
export async function listenOnSocket(
  path: string,
  onClient: (socket: Socket) => void,
): Promise<SocketServer> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  // A client that has nothing more to ask still waits for its answers.
  const server = createServer({ allowHalfOpen: true }, onClient);
  // The system makes the socket with the mode that the mask leaves, before anyone could connect.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } catch (cause) {
    throw new HakiriError('server.port_taken', `The socket ${path} cannot be listened on`, {
      hint: 'Check the permissions of its folder.',
      cause,
      details: { path },
    });
  } finally {
    process.umask(mask);
  }
  // A connection that cannot be taken costs that connection only.
  server.on('error', () => {});
  chmodSync(path, 0o600);
  return {
    path,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
