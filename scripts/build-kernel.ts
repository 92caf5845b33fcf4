/** Compiles the kernels from AssemblyScript to `kernel.wasm`, which is committed beside its source. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = (path: string): string => fileURLToPath(new URL(`../packages/${path}/`, import.meta.url));

/** Each holds `assembly/kernel.as.ts` and what it compiles to. */
export const SCAN_KERNEL = folder('ingest/src/scan');
export const VECTOR_KERNEL = folder('retrieval/src/vector');

export const kernelPath = (kernel: string): string => `${kernel}kernel.wasm`;

const OPTIONS = [
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--initialMemory',
  '4',
  '--use',
  'abort=',
];

/** A kernel's bytes, the same on every machine for the same source and compiler. */
export async function compileKernel(kernel: string): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ['assembly/kernel.as.ts', '--baseDir', kernel, '--outFile', 'kernel.wasm', ...OPTIONS],
    {
      writeFile: (_name, contents) => {
        binary = contents as Uint8Array;
      },
    },
  );
  if (error || !binary)
    throw new Error(`the kernel does not compile\n${stderr.toString()}`, { cause: error });
  return binary;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const kernel of [SCAN_KERNEL, VECTOR_KERNEL]) {
    writeFileSync(kernelPath(kernel), await compileKernel(kernel));
  }
}
