export { readThroughEngine } from './engine-read.ts';
export { openRowSidecars, type RowSidecarOptions, type RowSidecars } from './row-sidecars.ts';
export { removeSidecar, sidecarPath } from './sidecar-file.ts';
export type { SidecarRow } from './sidecar-row.ts';
