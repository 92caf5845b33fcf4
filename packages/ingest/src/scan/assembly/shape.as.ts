// The known shape, as nodes written by `shape-program.ts`. A node is 64 bytes; a child of a struct carries its key.

// What a value may be. One bit each; `shape-program.ts` holds the same list.
export const NULL: u32 = 1;
export const STRING: u32 = 2;
export const BOOLEAN: u32 = 4;
/** Integers of at most 15 digits: exact in a double. */
export const INT_SHORT: u32 = 8;
export const INT64: u32 = 16;
/** Integers from MIN to MAX of the node. */
export const INT_RANGE: u32 = 32;
/** Strings that hold such an integer in its shortest form. */
export const INT_TEXT: u32 = 64;
export const FRACTION: u32 = 128;
/** Numbers and texts of at most MIN digits, and MAX behind the point. A number's must stay exact in a double. */
export const DECIMAL: u32 = 256;
export const OBJECT: u32 = 512;
export const LIST: u32 = 1024;
export const ANY: u32 = 2048;
/** Keys the shape does not know are skipped rather than reported. */
export const OPEN: u32 = 4096;

export const ACCEPT: usize = 0;
/** The key with its quotes and colon, padded to 16 bytes. */
export const KEY: usize = 4;
export const KEY_BYTES: usize = 8;
/** The mask for the last 16 bytes of the key. */
export const KEY_MASK: usize = 12;
/** First child of a struct, in the order last seen; the item of a list. */
export const FIRST: usize = 16;
/** The sibling that came after this key last time. */
export const FOLLOWER: usize = 20;
export const PARENT: usize = 28;
/** Number of the object instance that held this key last; two of the same are a duplicate. */
export const SEEN: usize = 32;
export const MIN: usize = 40;
export const MAX: usize = 48;



export let table: usize = 0;
export let tableMask: u32 = 0;

export function setTable(at: usize, slots: u32): void {
  table = at;
  tableMask = slots - 1;
}

/** Makes a child findable by its key. The table has at least twice as many slots as there are nodes. */
export function link(node: usize): void {
  let slot = slotOf(load<u32>(node, PARENT), load<u32>(node, KEY), load<u32>(node, KEY_BYTES) - 1);
  while (load<u32>(table + (<usize>slot << 2)) != 0) slot = (slot + 1) & tableMask;
  store<u32>(table + (<usize>slot << 2), <u32>node);
}

/** The child of `parent` whose quoted key is the bytes at `p`; 0 if there is none. */
export function lookup(parent: usize, p: usize, bytes: usize): usize {
  let slot = slotOf(<u32>parent, p, bytes);
  while (true) {
    const node = <usize>load<u32>(table + (<usize>slot << 2));
    if (node == 0) return 0;
    if (load<u32>(node, PARENT) == <u32>parent && <usize>load<u32>(node, KEY_BYTES) == bytes + 1) {
      if (memory.compare(load<u32>(node, KEY), p, bytes) == 0) return node;
    }
    slot = (slot + 1) & tableMask;
  }
}

function slotOf(parent: u32, p: usize, bytes: usize): u32 {
  let h: u64 = <u64>parent * 0x9e3779b97f4a7c15;
  let i: usize = 0;
  for (; i + 8 <= bytes; i += 8) h = rotl(h ^ load<u64>(p + i), 29) * 0xbf58476d1ce4e5b9;
  for (; i < bytes; i++) h = rotl(h ^ <u64>load<u8>(p + i), 29) * 0xbf58476d1ce4e5b9;
  return <u32>(h ^ (h >> 32)) & tableMask;
}

/** Whether the bytes at `p` are the node's key, quotes and colon included. */
// @ts-ignore: decorator
@inline
export function matches(p: usize, node: usize): bool {
  let key = <usize>load<u32>(node, KEY);
  let left = load<u32>(node, KEY_BYTES);
  while (left > 16) {
    if (v128.any_true(v128.xor(v128.load(p), v128.load(key)))) return false;
    p += 16;
    key += 16;
    left -= 16;
  }
  const difference = v128.and(v128.xor(v128.load(p), v128.load(key)), v128.load(load<u32>(node, KEY_MASK)));
  return !v128.any_true(difference);
}
