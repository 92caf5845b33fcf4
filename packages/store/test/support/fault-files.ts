import {
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Files, HakiriError } from '@hakiri/core';
import { nodeFiles } from '../../src/index.ts';

/**
 * What happens at the Nth operation.
 * `eio`: it fails, once. `full`: it and every later write fails. `crash`: the process is gone, what was written is
 * there. `torn`: the same, half way through a write. `lost`: the same, and the machine too: whatever was not
 * flushed may be cut, empty or gone.
 */
export type Fault = 'eio' | 'full' | 'crash' | 'torn' | 'lost';

export const FAULTS: readonly Fault[] = ['eio', 'full', 'crash', 'torn', 'lost'];

export interface FaultFiles extends Files {
  /** Operations so far. */
  readonly operations: number;
  readonly struck: boolean;
  /** The power goes now, whatever was to happen. */
  cut(): Promise<void>;
}

export interface FaultOptions {
  /** Everything below it is what a power cut can take. */
  readonly root: string;
  readonly fault: Fault;
  /** 1 is the first operation; Infinity only counts. */
  readonly at: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** That of an earlier process on the same machine; otherwise all there is now is there for good. */
  readonly disk?: Disk;
}

/** What has reached the disk for good. It outlives a process that is gone, for nobody flushes what that one left. */
export interface Disk {
  readonly names: Set<string>;
  readonly contents: Set<string>;
  /** Of files that are added to: how much of them reached the disk. */
  readonly tails: Map<string, number>;
  /** What a rename that was not flushed would leave behind if it never happened. */
  readonly replaced: Map<string, Replaced>;
}

interface Replaced {
  readonly from: string;
  readonly old: Buffer | undefined;
  /** False while it is under way: then a flush of the folder may come before it. */
  isDone: boolean;
}

/** A disk with nothing left to flush. */
export function diskOf(root: string): Disk {
  const names = new Set<string>([root, ...walk(root)]);
  return { names, contents: new Set(names), tails: new Map(), replaced: new Map() };
}

interface Operation<T> {
  readonly writes: boolean;
  action(): Promise<T>;
  /** Does half of it. */
  tear?(): void;
  /** Before it begins. */
  begun?(): void;
  /** Once it is known to have succeeded, which a process that is gone never learns. */
  done?(): void;
  /** Of what was opened for a process that is gone. */
  close?(opened: T): Promise<void>;
}

/** A disk that fails on demand, and remembers what has reached it for good. */
export function faultFiles({ root, fault, at, random, disk = diskOf(root) }: FaultOptions): FaultFiles {
  const { names, contents, tails, replaced } = disk;
  let operations = 0;
  let full = false;
  /** Of operations that the system is at: it ends them, whether or not anybody still waits. */
  const underWay = new Set<Promise<unknown>>();
  /** Settles once nothing happens to the disk any more; undefined while the process is there. */
  let gone: Promise<void> | undefined;

  const powerCut = (): void => {
    for (const [to, { from, old }] of replaced) {
      if (random() < 0.5 || !exists(to)) continue;
      renameSync(to, from);
      if (old) writeFileSync(to, old);
      else names.delete(to);
    }
    for (const path of walk(root)) {
      if (isDatabase(path)) continue;
      if (!names.has(path) && random() < 0.5) rmSync(path, { recursive: true, force: true });
      else if (!contents.has(path) && exists(path) && statSync(path).isFile() && random() < 0.7) {
        const flushed = Math.min(tails.get(path) ?? 0, statSync(path).size);
        truncateSync(path, flushed + Math.floor((statSync(path).size - flushed) * random()));
      }
    }
  };

  const die = (cut: () => void): Promise<void> => {
    gone ??= Promise.allSettled(underWay).then(cut);
    return gone;
  };

  const isGone = async (): Promise<never> => {
    await gone;
    throw new HakiriError('interrupted', 'the process is gone');
  };

  const strike = (writes: boolean, tear: () => void): void => {
    operations++;
    if (full && writes) throw new HakiriError('store.disk_full', 'no space left');
    if (operations !== at) return;
    if (fault === 'eio') throw new HakiriError('store.io', 'EIO');
    if (fault === 'full') {
      full = true;
      if (writes) throw new HakiriError('store.disk_full', 'no space left');
      return;
    }
    if (fault === 'torn') tear();
    void die(fault === 'lost' ? powerCut : () => {});
  };

  const operate = async <T>({ writes, action, tear, begun, done, close }: Operation<T>): Promise<T> => {
    const half = (): void => {
      if (!tear) return;
      begun?.();
      tear();
    };
    if (!gone) strike(writes, half);
    if (gone) return isGone();
    begun?.();
    const running = action();
    underWay.add(running);
    const [outcome] = await Promise.allSettled([running]);
    underWay.delete(running);
    if (gone) {
      if (outcome.status === 'fulfilled') await close?.(outcome.value);
      return isGone();
    }
    if (outcome.status === 'rejected') throw outcome.reason;
    done?.();
    return outcome.value;
  };

  const reading = <T>(action: () => Promise<T>): Promise<T> => operate({ writes: false, action });

  /** Of the file's whole content nothing is for good any more. */
  const rewritten = (path: string): void => {
    contents.delete(path);
    tails.delete(path);
  };

  const removed = (path: string): void => {
    for (const held of [names, contents, tails, replaced]) {
      for (const one of held.keys()) if (one === path || one.startsWith(`${path}/`)) held.delete(one);
    }
  };

  /** A folder takes what was flushed inside it along; it may find itself under its old name again. */
  const carried = (held: Set<string>, from: string, to: string): void => {
    for (const path of [...held]) if (path.startsWith(`${from}/`)) held.add(to + path.slice(from.length));
  };

  /** Half of the bytes, behind those that are there. */
  const tornWrite = (path: string, bytes: Uint8Array) => (): void =>
    writeFileSync(path, Buffer.from(bytes).subarray(0, bytes.length >> 1), { flag: 'a' });

  return {
    get operations() {
      return operations;
    },
    get struck() {
      return operations >= at;
    },
    cut: () => die(powerCut),
    readBytes: (path) => reading(() => nodeFiles.readBytes(path)),
    readText: (path) => reading(() => nodeFiles.readText(path)),
    write(path, content, mode) {
      const bytes = Buffer.from(content as string);
      return operate({
        writes: true,
        tear: () => writeFileSync(path, bytes.subarray(0, bytes.length >> 1)),
        begun: () => rewritten(path),
        action: () => nodeFiles.write(path, content, mode),
      });
    },
    async create(path) {
      const file = await operate({
        writes: true,
        begun: () => rewritten(path),
        action: () => nodeFiles.create(path),
        close: (opened) => opened.close(),
      });
      return {
        write: (bytes) =>
          operate({ writes: true, tear: tornWrite(path, bytes), action: () => file.write(bytes) }),
        close: () => file.close(),
      };
    },
    async append(path) {
      const file = await operate({
        writes: true,
        action: () => nodeFiles.append(path),
        close: (opened) => opened.close(),
      });
      let flushed = contents.has(path) ? file.sizeBytes : (tails.get(path) ?? 0);
      const keep = (sizeBytes: number): void => {
        flushed = sizeBytes;
        tails.set(path, flushed);
      };
      return {
        get sizeBytes() {
          return file.sizeBytes;
        },
        write: (bytes) =>
          operate({
            writes: true,
            tear: tornWrite(path, bytes),
            begun() {
              contents.delete(path);
              keep(flushed);
            },
            action: () => file.write(bytes),
          }),
        sync() {
          const { sizeBytes } = file;
          return operate({
            writes: true,
            action: () => file.sync(),
            done() {
              keep(sizeBytes);
              if (file.sizeBytes === sizeBytes) contents.add(path);
            },
          });
        },
        truncate: (sizeBytes) =>
          operate({
            writes: false,
            begun() {
              contents.delete(path);
              keep(Math.min(flushed, sizeBytes));
            },
            action: () => file.truncate(sizeBytes),
          }),
        close: () => file.close(),
      };
    },
    sync: (path) =>
      operate({
        writes: true,
        action: () => nodeFiles.sync(path),
        done: () => void contents.add(path),
      }),
    syncFolder(path) {
      // What comes while it is under way may come too late for it.
      let inside: readonly string[] = [];
      let renames: readonly Replaced[] = [];
      return operate({
        writes: true,
        begun() {
          inside = exists(path) ? readdirSync(path).map((name) => join(path, name)) : [];
          renames = inside.flatMap((name) => replaced.get(name) ?? []).filter(({ isDone }) => isDone);
        },
        action: () => nodeFiles.syncFolder(path),
        done() {
          for (const name of inside) {
            names.add(name);
            const rename = replaced.get(name);
            if (rename && renames.includes(rename)) replaced.delete(name);
          }
        },
      });
    },
    rename(from, to) {
      let rename: Replaced | undefined;
      return operate({
        writes: true,
        // Noted before it is done: another operation may be the one that is struck meanwhile.
        begun() {
          const old = names.has(to) && exists(to) ? readFileSync(to) : undefined;
          rename = { from, old, isDone: false };
          replaced.set(to, rename);
          rewritten(to);
          if (contents.has(from)) contents.add(to);
          const tail = tails.get(from);
          if (tail !== undefined) tails.set(to, tail);
          rewritten(from);
          for (const held of [names, contents]) carried(held, from, to);
        },
        action: () => nodeFiles.rename(from, to),
        done() {
          if (rename) rename.isDone = true;
        },
      });
    },
    remove: (path) =>
      operate({ writes: false, begun: () => removed(path), action: () => nodeFiles.remove(path) }),
    removeTree: (path) =>
      operate({ writes: false, begun: () => removed(path), action: () => nodeFiles.removeTree(path) }),
    makeFolder: (path, mode) => operate({ writes: true, action: () => nodeFiles.makeFolder(path, mode) }),
    list: (path) => reading(() => nodeFiles.list(path)),
    stat: (path) => reading(() => nodeFiles.stat(path)),
  };
}

/** SQLite flushes its own files and has its own tests. */
function isDatabase(path: string): boolean {
  // Copies of one are files like any other.
  return /\.(sqlite|lock)(-wal|-shm|-journal)?$/.test(path) && !path.includes('/backups/');
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function walk(folder: string): string[] {
  if (!exists(folder)) return [];
  const inside = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(path) : [path];
  });
  return [folder, ...inside];
}
