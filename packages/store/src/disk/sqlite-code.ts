/** SQLite result codes (https://www.sqlite.org/rescode.html). */
export const SQLITE = {
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const;

/** The file that readers share could not grow: SQLite does not say that it is for want of room. */
const IOERR_SHMSIZE = 4874;

/** The primary code of an error that SQLite raised; 0 for any other error. */
export function sqliteCode(error: unknown): number {
  const code = (error as { readonly errcode?: number }).errcode ?? 0;
  return code === IOERR_SHMSIZE ? SQLITE.FULL : code & 0xff;
}
