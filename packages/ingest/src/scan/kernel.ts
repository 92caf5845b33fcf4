import { kernelBytes } from './kernel.asset.ts';

// The part of the WebAssembly API used here; the runtime has it, the type libraries of this workspace do not.

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

interface WasmGlobal {
  value: number;
}

interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: WasmApi };

/** What `kernel.wasm` exports; addresses and sizes are in bytes of its memory. */
export interface Kernel {
  readonly memory: WasmMemory;

  // Records against a known shape (`assembly/record.as.ts`, `assembly/shape.as.ts`).
  readonly setTable: (at: number, slots: number) => void;
  readonly link: (node: number) => void;
  readonly setRoot: (node: number, requiredAt: number, requiredCount: number) => void;
  readonly scan: (start: number, end: number) => number;
  readonly resetCounts: () => void;
  readonly rows: WasmGlobal;
  readonly longest: WasmGlobal;

  // Records out of a page (`assembly/page.as.ts`).
  readonly startPage: (
    stackAt: number,
    maxRecordBytes: number,
    prefixAt: number,
    prefixBytes: number,
  ) => void;
  readonly setOutput: (at: number, end: number) => void;
  readonly readPage: (start: number, end: number) => number;
  readonly takeRecords: (array: number) => void;
  readonly isComplete: () => number;
  readonly armed: WasmGlobal;
  readonly cursor: WasmGlobal;
  readonly depth: WasmGlobal;
  readonly dropping: WasmGlobal;
  readonly out: WasmGlobal;
  readonly pageRows: WasmGlobal;
  readonly watch: WasmGlobal;
  readonly whole: WasmGlobal;
}

/** Memory below this address stays unused: 0 means "not here" in the kernel. */
export const MEMORY_START = 1024;

let compiled: object | undefined;

/** A kernel with a memory of its own. Compiled at the first call, in about a millisecond. */
export function createKernel(): Kernel {
  compiled ??= new wasm.Module(kernelBytes());
  return new wasm.Instance(compiled).exports as Kernel;
}

/** Grows the memory until it holds `bytes`. Views of the old buffer are dead afterwards. */
export function ensureMemory(kernel: Kernel, bytes: number): void {
  const missing = bytes - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65536));
}
