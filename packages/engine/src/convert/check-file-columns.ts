import { HakiriError, RESERVED_PREFIX } from '@hakiri/core';

/**
 * The columns of a CSV or Parquet file as it names them itself.
 * @throws HakiriError record.reserved_key, and source.csv_malformed for names that do not tell columns apart: the
 * engine would give the second one another name in silence
 */
export function checkFileColumns(path: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    const folded = name.toLowerCase();
    if (folded.startsWith(RESERVED_PREFIX)) {
      throw new HakiriError(
        'record.reserved_key',
        `${path} has a column ${name}: those names are Hakiri's own`,
        {
          hint: 'Rename the column in the file; nothing of it was taken.',
          details: { path },
        },
      );
    }
    if (folded !== '' && seen.has(folded)) {
      throw new HakiriError('source.csv_malformed', `${path} has two columns that are called ${name}`, {
        hint: 'Columns do not tell case apart: rename one of them in the file; nothing of it was taken.',
        details: { path },
      });
    }
    seen.add(folded);
  }
}
