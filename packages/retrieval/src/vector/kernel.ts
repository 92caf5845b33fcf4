import { kernelBytes } from './kernel.asset.ts';

// The part of the WebAssembly API used here; the runtime has it, the type libraries of this workspace do not.

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: WasmApi };

type Scan = (
  tile: number,
  bits: number,
  first: number,
  count: number,
  threshold: number,
  out: number,
) => number;

/** What `kernel.wasm` exports; addresses and sizes are in bytes of its memory. */
export interface Kernel {
  readonly memory: WasmMemory;
  readonly setQuery: (at: number, rowBytes: number, scalesAt: number, scale: number) => void;
  readonly scanBytes: Scan;
  readonly scanFloats: Scan;
}

/** Compiled in about a millisecond. */
export function createKernel(): Kernel {
  return new wasm.Instance(new wasm.Module(kernelBytes())).exports as Kernel;
}
