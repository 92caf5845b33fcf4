// The kernel: what `kernel.wasm` exports. Memory is laid out by the callers, `scan-kernel.ts` and `page-kernel.ts`.

export { lineEnd, longest, resetCounts, rows, scan, setRoot } from "./record.as";
export { link, setTable } from "./shape.as";
export {
  armed, cursor, depth, dropping, isComplete, out, readPage, rows as pageRows, setOutput, startPage, takeRecords, watch,
  whole,
} from "./page.as";
