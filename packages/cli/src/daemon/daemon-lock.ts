import { join } from 'node:path';
import { type Clock, HakiriError, isHakiriError } from '@hakiri/core';
import { acquireWriterLock, nodeFiles } from '@hakiri/store';

/**
 * One daemon a project: held until it ends, and given back by the system however it ends.
 * @throws HakiriError server.running
 */
export async function acquireDaemonLock(folder: string, clock: Clock): Promise<{ release(): void }> {
  const cache = join(folder, '.hakiri', 'cache');
  try {
    return await acquireWriterLock({
      paths: { lock: join(cache, 'daemon.lock'), lockHolder: join(cache, 'daemon.lock.json') },
      code: 'server.running',
      command: 'hakiri serve',
      waitMs: 0,
      files: nodeFiles,
      clock,
    });
  } catch (error) {
    if (!isHakiriError(error) || error.code !== 'server.running') throw error;
    const { pid } = error.details;
    throw new HakiriError(
      'server.running',
      `Process ${pid ?? 'of another user'} serves this project already`,
      {
        details: error.details,
      },
    );
  }
}
