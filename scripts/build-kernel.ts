/** Compiles the scan kernel from AssemblyScript to `kernel.wasm`, which is committed beside its source. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const SCAN = fileURLToPath(new URL('../packages/ingest/src/scan/', import.meta.url));
export const KERNEL_PATH = `${SCAN}kernel.wasm`;

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

/** The kernel's bytes, the same on every machine for the same source and compiler. */
export async function compileKernel(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ['assembly/kernel.as.ts', '--baseDir', SCAN, '--outFile', 'kernel.wasm', ...OPTIONS],
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

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(KERNEL_PATH, await compileKernel());
