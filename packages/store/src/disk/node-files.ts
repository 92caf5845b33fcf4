import { writeSync } from 'node:fs';
import { constants, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { type AppendFile, type Files, HakiriError } from '@hakiri/core';

/** The real disk. Errors come as `store.disk_full`, `store.read_only` or `store.io`, naming the path. */
export const nodeFiles: Files = {
  readBytes: (path) => guarded('reading', path, () => readFile(path)),
  readText: (path) => guarded('reading', path, () => readFile(path, 'utf8')),
  write: (path, content, mode) =>
    guarded('writing', path, () => writeFile(path, content, mode === undefined ? {} : { mode })),
  async create(path) {
    // Written over, not emptied first: the pages of a spool that is used again are in memory already.
    const file = await guarded('creating', path, () => open(path, constants.O_RDWR | constants.O_CREAT));
    let at = 0;
    return {
      write: (bytes) =>
        guarded('writing', path, async () => {
          for (let done = 0; done < bytes.length; ) {
            const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at);
            done += bytesWritten;
            at += bytesWritten;
          }
        }),
      close: () =>
        guarded('closing', path, async () => {
          try {
            await file.truncate(at);
          } finally {
            await file.close();
          }
        }),
    };
  },
  append: (path) => guarded('opening', path, () => appendTo(path)),
  sync: (path) => guarded('syncing', path, () => syncPath(path)),
  syncFolder: (path) => guarded('syncing', path, () => syncPath(path)),
  rename: (from, to) => guarded('renaming', from, () => rename(from, to)),
  remove: (path) => guarded('removing', path, () => rm(path, { force: true })),
  removeTree: (path) =>
    // A child whose parent was killed may still put a file there before it ends itself: then once more.
    guarded('removing', path, () =>
      rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
    ),
  makeFolder: (path, mode) =>
    guarded('creating', path, async () => {
      await mkdir(path, mode === undefined ? { recursive: true } : { recursive: true, mode });
    }),
  list: (path) =>
    guarded('listing', path, async () => {
      const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw error;
      });
      return entries
        .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    }),
  stat: (path) =>
    guarded('reading', path, async () => {
      try {
        const found = await stat(path);
        return { sizeBytes: found.size, isFolder: found.isDirectory(), modifiedMs: found.mtimeMs };
      } catch (error) {
        if (
          (error as NodeJS.ErrnoException).code === 'ENOENT' ||
          (error as NodeJS.ErrnoException).code === 'ENOTDIR'
        )
          return undefined;
        throw error;
      }
    }),
};

/** Bytes that are handed to the system at once: that takes less time than another thread needs to be asked. */
const AT_ONCE_BYTES = 16_384;

async function appendTo(path: string): Promise<AppendFile> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT);
  let at = (await file.stat()).size;
  return {
    get sizeBytes() {
      return at;
    },
    write: (bytes) =>
      guarded('writing', path, async () => {
        for (let done = 0; done < bytes.length; ) {
          const length = bytes.length - done;
          const written =
            length <= AT_ONCE_BYTES
              ? writeSync(file.fd, bytes, done, length, at)
              : (await file.write(bytes, done, length, at)).bytesWritten;
          done += written;
          at += written;
        }
      }),
    sync: () => guarded('syncing', path, () => file.datasync()),
    truncate: (sizeBytes) =>
      guarded('cutting', path, async () => {
        await file.truncate(sizeBytes);
        at = sizeBytes;
      }),
    close: () => guarded('closing', path, () => file.close()),
  };
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function guarded<T>(doing: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw diskError(error, doing, path);
  }
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS']);

function diskError(error: unknown, doing: string, path: string): HakiriError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (FULL.has(code))
    return new HakiriError('store.disk_full', `The disk filled up while ${doing} ${path}`, { cause: error });
  if (FORBIDDEN.has(code))
    return new HakiriError('store.read_only', `Not allowed: ${doing} ${path}`, { cause: error });
  return new HakiriError('store.io', `${code} while ${doing} ${path}`, { cause: error });
}
