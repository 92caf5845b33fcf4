import { statSync } from 'node:fs';
import type { Store } from '@hakiri/store';

/**
 * Opened by the first who needs it, and again once it is another file: who kept the old one open would never hear of
 * anything again. Whoever still reads from an old one may finish.
 */
export function reopened(
  open: () => Promise<Store>,
  fileOf: () => number | undefined,
): { (): Promise<Store>; opened(): readonly Promise<Store>[] } {
  const all: Promise<Store>[] = [];
  let current: { file: number | undefined; readonly store: Promise<Store> } | undefined;
  const get = (): Promise<Store> => {
    if (current !== undefined && (current.file === undefined || current.file === fileOf()))
      return current.store;
    const store = open();
    const made = { file: undefined as number | undefined, store };
    current = made;
    store.then(
      () => {
        all.push(store);
        made.file = fileOf();
      },
      () => {
        // A failure is the next one's to try again.
        if (current === made) current = undefined;
      },
    );
    return store;
  };
  return Object.assign(get, { opened: () => all });
}

/** Opened by the first who needs it; a failure is the next one's to try again. */
export function once<T>(open: () => Promise<T>): { (): Promise<T>; readonly opened: Promise<T> | undefined } {
  let opened: Promise<T> | undefined;
  const get = (): Promise<T> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return Object.defineProperty(get, 'opened', { get: () => opened }) as typeof get & {
    readonly opened: Promise<T> | undefined;
  };
}

/** Another number once the catalog was made again; undefined while there is none. */
export function catalogFile(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
