import { closeSync, openSync, readSync } from 'node:fs';

const MAGIC = 'SQLite format 3\0';
/** Where `user_version` stands in the header (https://www.sqlite.org/fileformat.html#user_version_number). */
const VERSION_AT = 60;

/** How many migrations a catalog has had, without opening it as a database; 0 where there is none. */
export function versionInFile(path: string): number {
  const header = Buffer.alloc(VERSION_AT + 4);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return 0;
  }
  try {
    const isWhole = readSync(file, header, 0, header.length, 0) === header.length;
    return isWhole && header.toString('latin1', 0, MAGIC.length) === MAGIC
      ? header.readUInt32BE(VERSION_AT)
      : 0;
  } finally {
    closeSync(file);
  }
}
