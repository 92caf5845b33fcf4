import { createKernel, ensureMemory, type Kernel, MEMORY_START } from './kernel.ts';

// Events of `assembly/page.as.ts`.
export const MORE = 0;
export const KEY_START = 1;
export const KEY_END = 2;
export const VALUE_START = 3;
export const ASIDE = 4;
export const ARRAY_END = 5;
export const FULL = 6;
export const MALFORMED = 7;
export const RECORD_DONE = 8;

const STACK_BYTES = 64 * 1024;
export const INPUT_BYTES = 64 * 1024;
const SLACK_BYTES = 64;

/** A kernel with its memory laid out for reading pages: stack, input, prefix, output. */
export interface PageKernel {
  readonly kernel: Kernel;
  readonly memory: Uint8Array;
  readonly inputAt: number;
  readonly outputAt: number;
}

const STACK_AT = MEMORY_START;
const INPUT_AT = STACK_AT + STACK_BYTES + SLACK_BYTES;
const PREFIX_AT = INPUT_AT + INPUT_BYTES + SLACK_BYTES;

/** A page is short-lived and a kernel's memory is not free, so a few are kept for the next page. */
const idle: Kernel[] = [];
const MAX_IDLE = 4;

export function acquirePageKernel(maxRecordBytes: number, prefix: Uint8Array): PageKernel {
  const kernel = idle.pop() ?? createKernel();
  const outputAt = PREFIX_AT + prefix.length;
  const end = outputAt + INPUT_BYTES + prefix.length + SLACK_BYTES;
  ensureMemory(kernel, end);
  const memory = new Uint8Array(kernel.memory.buffer);
  memory.set(prefix, PREFIX_AT);
  kernel.startPage(STACK_AT, maxRecordBytes, PREFIX_AT, prefix.length);
  kernel.setOutput(outputAt, end);
  return { kernel, memory, inputAt: INPUT_AT, outputAt };
}

/** The caller must not use the kernel afterwards. */
export function releasePageKernel(page: PageKernel): void {
  if (idle.length < MAX_IDLE) idle.push(page.kernel);
}

/** Makes room in the output; what was there has been taken. */
export function clearOutput(page: PageKernel): void {
  page.kernel.setOutput(page.outputAt, page.memory.length);
}
