export type { TableKeeping, TableNotes } from './describe/describe-table.ts';
export { createServe, type ServeOptions } from './serve/create-serve.ts';
export type { SearchServices } from './serve/search-services.ts';
