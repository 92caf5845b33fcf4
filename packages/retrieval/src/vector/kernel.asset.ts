import { readFileSync } from 'node:fs';

/** The compiled kernel. */
export function kernelBytes(): Uint8Array {
  return readFileSync(new URL('./kernel.wasm', import.meta.url));
}
