/** Stands in for the sqlite3 CLI: `sqlite3 FILE SQL` over Node's own SQLite; a line a row, `|` between cells. */
import { DatabaseSync } from 'node:sqlite';

const [file = '', sql = ''] = process.argv.slice(2).filter((arg) => arg !== '-readonly');
const database = new DatabaseSync(file, { readOnly: true });
for (const row of database.prepare(sql).all()) console.log(Object.values(row).join('|'));
database.close();
