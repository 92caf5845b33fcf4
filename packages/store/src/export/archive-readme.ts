import type { CatalogTable } from '@hakiri/core';
import { viewFile } from '../disk/layout.ts';

/** For whoever finds the archive and has never heard of Hakiri. */
export function archiveReadme(tables: readonly CatalogTable[]): string {
  const [first] = tables;
  const example =
    first === undefined
      ? ''
      : `
With the duckdb CLI (https://duckdb.org), in this folder:

  duckdb -c ".read ${viewFile(first.name)}" -c "FROM ${first.name} LIMIT 10"

`;
  return `Tables of a Hakiri store, as they were at one moment.

${tables.map(({ name, lastCommit }) => `  ${name}  last commit ${lastCommit}`).join('\n')}
${example}views/<table>.sql          the table as one row a key: plain SQL over the files below
tables/<table>/data/       Parquet, and NDJSON where small writes are not in Parquet yet
tables/<table>/schemas/    the schemas that manifests name, in Arrow's JSON form
_manifest.json             what a run or a snapshot wrote: rows, bytes, SHA-256 of each file

Any Parquet reader opens the parts: of the rows with one key, the one with the greatest _hakiri_order counts, and a
row with _hakiri_deleted says that its key is gone.

Hakiri itself takes the folder as .hakiri/context/<project>/ : \`hakiri doctor --rebuild-catalog\` there, and the
project of that name queries it and runs on.
`;
}
