import { kernelBytes } from './kernel.asset.ts';

/** What `kernel.wasm` exports; addresses and sizes are in bytes of its memory. */
export interface Kernel {
  readonly memory: WebAssembly.Memory;

  // Records against a known shape (`assembly/record.as.ts`, `assembly/shape.as.ts`).
  readonly setTable: (at: number, slots: number) => void;
  readonly link: (node: number) => void;
  readonly setRoot: (node: number, requiredAt: number, requiredCount: number) => void;
  readonly scan: (start: number, end: number) => number;
  readonly resetCounts: () => void;
  readonly rows: WebAssembly.Global<'i32'>;
  readonly longest: WebAssembly.Global<'i32'>;

  // Records out of a page (`assembly/page.as.ts`).
  readonly startPage: (stackAt: number, maxRecordBytes: number, prefixAt: number, prefixBytes: number) => void;
  readonly setOutput: (at: number, end: number) => void;
  readonly readPage: (start: number, end: number) => number;
  readonly takeRecords: (array: number) => void;
  readonly isComplete: () => number;
  readonly armed: WebAssembly.Global<'i32'>;
  readonly cursor: WebAssembly.Global<'i32'>;
  readonly depth: WebAssembly.Global<'i32'>;
  readonly dropping: WebAssembly.Global<'i32'>;
  readonly out: WebAssembly.Global<'i32'>;
  readonly pageRows: WebAssembly.Global<'i32'>;
  readonly watch: WebAssembly.Global<'i32'>;
  readonly whole: WebAssembly.Global<'i32'>;
}

/** Memory below this address stays unused: 0 means "not here" in the kernel. */
export const MEMORY_START = 1024;

let compiled: WebAssembly.Module | undefined;

/** A kernel with a memory of its own. Compiled at the first call, in about a millisecond. */
export function createKernel(): Kernel {
  compiled ??= new WebAssembly.Module(kernelBytes() as BufferSource);
  return new WebAssembly.Instance(compiled).exports as unknown as Kernel;
}

/** Grows the memory until it holds `bytes`. Views of the old buffer are dead afterwards. */
export function ensureMemory(kernel: Kernel, bytes: number): void {
  const missing = bytes - kernel.memory.buffer.byteLength;
  if (missing > 0) kernel.memory.grow(Math.ceil(missing / 65536));
}
