import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { HakiriError } from '@hakiri/core';
import type { SegmentFile } from '../vector/segment-file.ts';
import { damagedIndex, diskError } from './index-error.ts';

/** Files kept open at once; others are opened again when they are read. */
const MAX_OPEN = 256;

/** By path, the one that was read longest ago first. */
const descriptors = new Map<string, number>();

/** A file of an index, read by position. It must not change while it is open. @throws HakiriError index.damaged */
export function openDiskFile(path: string): SegmentFile {
  const bytes = fstatSync(descriptorOf(path)).size;
  const readInto = (offset: number, into: Uint8Array): void => {
    let read = 0;
    try {
      while (read < into.length) {
        const got = readSync(descriptorOf(path), into, read, into.length - read, offset + read);
        if (got === 0) throw damagedIndex(path, 'it ends too early');
        read += got;
      }
    } catch (error) {
      throw error instanceof HakiriError ? error : diskError(error, path);
    }
  };
  return {
    bytes,
    readInto,
    read(offset, length) {
      const found = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
      readInto(offset, found);
      return found;
    },
  };
}

/** To be called for a file that is gone or was written anew. */
export function forgetDiskFile(path: string): void {
  const descriptor = descriptors.get(path);
  if (descriptor === undefined) return;
  descriptors.delete(path);
  closeSync(descriptor);
}

function descriptorOf(path: string): number {
  const known = descriptors.get(path);
  if (known !== undefined) {
    descriptors.delete(path);
    descriptors.set(path, known);
    return known;
  }
  const [oldest] = descriptors.keys();
  if (oldest !== undefined && descriptors.size >= MAX_OPEN) forgetDiskFile(oldest);
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damagedIndex(path, 'it is missing');
    throw diskError(error, path);
  }
  descriptors.set(path, descriptor);
  return descriptor;
}
