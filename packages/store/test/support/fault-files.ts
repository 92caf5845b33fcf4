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
}

export interface FaultOptions {
  /** Everything below it is what a power cut can take. */
  readonly root: string;
  readonly fault: Fault;
  /** 1 is the first operation; Infinity only counts. */
  readonly at: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A disk that fails on demand, and remembers what has reached it for good. */
export function faultFiles({ root, fault, at, random }: FaultOptions): FaultFiles {
  let operations = 0;
  let dead = false;
  let full = false;
  const names = new Set<string>(walk(root));
  const contents = new Set<string>(names);
  /** Of files that are added to: how much of them reached the disk. */
  const tails = new Map<string, number>();
  /** What a rename that was not flushed would leave behind if it never happened. */
  const replaced = new Map<string, { readonly from: string; readonly old: Buffer | undefined }>();

  const powerCut = (): void => {
    for (const [to, { from, old }] of replaced) {
      if (random() < 0.5) continue;
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

  const die = (): never => {
    dead = true;
    if (fault === 'lost') powerCut();
    throw new HakiriError('interrupted', 'the process is gone');
  };

  /** Called before each operation; `tear` does half of it where that can be. */
  const step = (writes: boolean, tear?: () => void): void => {
    if (dead) throw new HakiriError('interrupted', 'the process is gone');
    operations++;
    if (full && writes) throw new HakiriError('store.disk_full', 'no space left');
    if (operations !== at) return;
    if (fault === 'eio') throw new HakiriError('store.io', 'EIO');
    if (fault === 'full') {
      full = true;
      if (writes) throw new HakiriError('store.disk_full', 'no space left');
      return;
    }
    if (fault === 'torn') tear?.();
    die();
  };

  return {
    get operations() {
      return operations;
    },
    get struck() {
      return operations >= at;
    },
    async readBytes(path) {
      step(false);
      return nodeFiles.readBytes(path);
    },
    async readText(path) {
      step(false);
      return nodeFiles.readText(path);
    },
    async write(path, content, mode) {
      const bytes = Buffer.from(content as string);
      step(true, () => writeFileSync(path, bytes.subarray(0, bytes.length >> 1)));
      contents.delete(path);
      await nodeFiles.write(path, content, mode);
    },
    async create(path) {
      step(true);
      contents.delete(path);
      const file = await nodeFiles.create(path);
      return {
        async write(bytes) {
          step(true, () =>
            writeFileSync(path, Buffer.from(bytes).subarray(0, bytes.length >> 1), { flag: 'a' }),
          );
          await file.write(bytes);
        },
        close: () => file.close(),
      };
    },
    async append(path) {
      step(true);
      const file = await nodeFiles.append(path);
      let flushed = contents.has(path) ? file.sizeBytes : 0;
      return {
        get sizeBytes() {
          return file.sizeBytes;
        },
        async write(bytes) {
          step(true, () =>
            writeFileSync(path, Buffer.from(bytes).subarray(0, bytes.length >> 1), { flag: 'a' }),
          );
          contents.delete(path);
          tails.set(path, flushed);
          await file.write(bytes);
        },
        async sync() {
          step(true);
          await file.sync();
          contents.add(path);
          flushed = file.sizeBytes;
        },
        async truncate(sizeBytes) {
          step(false);
          await file.truncate(sizeBytes);
          flushed = Math.min(flushed, sizeBytes);
          tails.set(path, flushed);
          contents.delete(path);
        },
        close: () => file.close(),
      };
    },
    async sync(path) {
      step(true);
      await nodeFiles.sync(path);
      contents.add(path);
    },
    async syncFolder(path) {
      step(true);
      await nodeFiles.syncFolder(path);
      names.add(path);
      for (const name of readdirSync(path)) {
        names.add(join(path, name));
        replaced.delete(join(path, name));
      }
    },
    async rename(from, to) {
      step(true);
      if (names.has(to) && exists(to)) replaced.set(to, { from, old: readFileSync(to) });
      else replaced.set(to, { from, old: undefined });
      // Noted before it is done: another operation may be the one that is struck meanwhile.
      if (contents.has(from)) contents.add(to);
      else contents.delete(to);
      contents.delete(from);
      await nodeFiles.rename(from, to);
    },
    async remove(path) {
      step(false);
      await nodeFiles.remove(path);
    },
    async removeTree(path) {
      step(false);
      await nodeFiles.removeTree(path);
    },
    async makeFolder(path) {
      step(true);
      await nodeFiles.makeFolder(path);
    },
    async list(path) {
      step(false);
      return nodeFiles.list(path);
    },
    async stat(path) {
      step(false);
      return nodeFiles.stat(path);
    },
  };
}

/** SQLite flushes its own files and has its own tests. */
function isDatabase(path: string): boolean {
  return /\.(sqlite|lock)(-wal|-shm|-journal)?$/.test(path);
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
