import { dirname, join } from 'node:path';
import { getSystemErrorName } from 'node:util';

/**
 * Sends a message to whoever listens at an address, and never waits. Gives what went wrong, `EAGAIN` for example;
 * undefined when it was taken.
 */
export type Notify = (address: string, message: string) => string | undefined;

/**
 * Node opens no datagram sockets of the file system: the released program has a piece of its own for them. Undefined
 * where there is none.
 * @param launcher of the released program, beside which the piece lies
 */
export function nativeNotify(launcher: string | undefined = process.env.HAKIRI_SELF): Notify | undefined {
  if (!launcher) return undefined;
  const piece: { exports: { send?: (address: string, message: string) => number } } = { exports: {} };
  try {
    process.dlopen(piece, join(dirname(launcher), 'notify.node'));
  } catch {
    return undefined;
  }
  const { send } = piece.exports;
  if (send === undefined) return undefined;
  return (address, message) => {
    const failed = send(address, message);
    return failed === 0 ? undefined : getSystemErrorName(-failed);
  };
}
