/** Alive rows with all their columns and where they lie, as a relation of the statement that asks for places. */
export const ALIVE_ROWS = '_hakiri_alive';
/** Where a row lies, beside the table's own columns. */
export const PLACE_COLUMNS = ['_hakiri_file', '_hakiri_row', '_hakiri_run', '_hakiri_seq'] as const;
