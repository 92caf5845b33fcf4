import { totalmem } from 'node:os';
import { createKernel, type Kernel } from './kernel.ts';
import { MAX_DIMS, TILE_BYTES } from './vector-format.ts';

/**
 * Rows of vectors in the memory that the kernel sees, tile by tile, shared by all segments of a process. Past its
 * limit, tiles that were not scanned lately make room.
 */
export interface Tiles {
  readonly kernel: Kernel;
  /** Where the query lies, then which rows of a tile are wanted, then what the kernel writes. */
  readonly queryAt: number;
  readonly bitsAt: number;
  readonly outAt: number;
  /** Of the memory as it is now; `load` makes another when the memory grows. */
  readonly views: TileViews;
  /** Makes room, lets `fill` write it, and returns its address; `forget` is called when it makes room for another. */
  load(fill: (tile: Uint8Array) => void, forget: () => void): number;
  /** The tile is in use, or will soon be again. */
  touch(address: number): void;
  release(address: number): void;
}

export interface TileViews {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly floats: Float32Array;
}

/** A row takes 16 bytes at least. */
const MAX_TILE_ROWS = TILE_BYTES / 16;
/** A bit a row, and those before the first in its word. */
const BITS_BYTES = MAX_TILE_ROWS / 8 + 4;
const LIMIT_BYTES = Math.min(1 << 30, totalmem() / 4);
const GROW_TILES = 64;

export function createTiles(limitBytes = LIMIT_BYTES): Tiles {
  const kernel = createKernel();
  // The first page is the kernel's own.
  const queryAt = TILE_BYTES;
  const bitsAt = queryAt + MAX_DIMS * 4;
  const outAt = bitsAt + BITS_BYTES;
  const firstTile = Math.ceil((outAt + MAX_TILE_ROWS * 8) / TILE_BYTES);
  const limit = Math.max(1, Math.floor(limitBytes / TILE_BYTES));
  const forgets: ((() => void) | undefined)[] = [];
  const recent: boolean[] = [];
  const free: number[] = [];
  let hand = 0;

  const growTo = (pages: number): void => {
    const missing = pages - kernel.memory.buffer.byteLength / TILE_BYTES;
    if (missing > 0) kernel.memory.grow(missing);
  };
  const viewsOf = (buffer: ArrayBuffer): TileViews => ({
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer),
    floats: new Float32Array(buffer),
  });
  growTo(firstTile);
  let views = viewsOf(kernel.memory.buffer);

  /** The next tile in turn that was not used since the last time round. */
  const evict = (): number => {
    while (recent[hand]) {
      recent[hand] = false;
      hand = (hand + 1) % limit;
    }
    const index = hand;
    hand = (hand + 1) % limit;
    forgets[index]?.();
    return index;
  };

  const take = (): number => {
    const released = free.pop();
    if (released !== undefined) return released;
    if (forgets.length >= limit) return evict();
    if ((firstTile + forgets.length + 1) * TILE_BYTES > views.bytes.length) {
      growTo(firstTile + Math.min(limit, forgets.length + GROW_TILES));
      views = viewsOf(kernel.memory.buffer);
    }
    return forgets.length;
  };
  const indexOf = (address: number): number => address / TILE_BYTES - firstTile;

  return {
    kernel,
    queryAt,
    bitsAt,
    outAt,
    get views() {
      return views;
    },
    load(fill, forget) {
      const index = take();
      forgets[index] = undefined;
      recent[index] = false;
      const address = (firstTile + index) * TILE_BYTES;
      try {
        fill(views.bytes.subarray(address, address + TILE_BYTES));
      } catch (error) {
        free.push(index);
        throw error;
      }
      forgets[index] = forget;
      recent[index] = true;
      return address;
    },
    touch(address) {
      recent[indexOf(address)] = true;
    },
    release(address) {
      const index = indexOf(address);
      forgets[index] = undefined;
      recent[index] = false;
      free.push(index);
    },
  };
}

let shared: Tiles | undefined;

/** The tiles of this process. */
export function sharedTiles(): Tiles {
  shared ??= createTiles();
  return shared;
}
