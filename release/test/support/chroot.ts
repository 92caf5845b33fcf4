import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { emptyFolder, type Outcome, run } from './released.ts';

export interface Chroot {
  readonly folder: string;
  hakiri(
    args: readonly string[],
    options?: { env?: Readonly<Record<string, string>>; input?: string },
  ): Outcome;
}

/** A root folder that holds the program, a folder that can be written, and nothing else: no /proc, /dev, /tmp or /lib. */
export function emptyChroot(t: TestContext, program: string): Chroot {
  const folder = emptyFolder(t);
  mkdirSync(join(folder, 'home'));
  copyFileSync(program, join(folder, 'hakiri'));
  return {
    folder,
    hakiri: (args, { env = {}, input = '' } = {}) => {
      const words = [folder, '/hakiri', ...args];
      return run('/usr/sbin/chroot', words, { env: { HOME: '/home', ...env }, input });
    },
  };
}
