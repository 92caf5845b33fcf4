export type { TableKeeping, TableNotes } from './describe-table.ts';
export { createServe, type ServeOptions } from './serve.ts';
