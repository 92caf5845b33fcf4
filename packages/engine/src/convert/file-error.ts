import { HakiriError } from '@hakiri/core';
import { mapEngineError } from '../child/map-error.ts';
import { csvBrokenQuote } from './csv-broken-quote.ts';
import { csvDelimiter } from './csv-delimiter.ts';

/** What the engine says of a source file, as `source.csv_malformed` or `source.parquet_damaged`. */
export async function fileError(
  error: unknown,
  path: string,
  format: 'csv' | 'parquet',
): Promise<HakiriError> {
  const code = format === 'csv' ? 'source.csv_malformed' : 'source.parquet_damaged';
  const mapped = mapEngineError(error, code, `reading ${path}`);
  if (mapped.code === 'store.disk_full' || mapped.code === 'engine.out_of_memory') return mapped;
  if (format === 'parquet') {
    const message = `${path} is cut short or damaged: it is not a whole Parquet file`;
    return new HakiriError(code, message, { cause: error, details: { path } });
  }
  const told = /\bLine: (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
  const line = told === undefined ? await brokenLine(path) : Number(told);
  return line === undefined
    ? new HakiriError(code, `${path} is not a CSV file in which every line has the same number of fields`, {
        cause: error,
        hint: 'Correct the file; nothing of it was taken.',
        details: { path },
      })
    : new HakiriError(code, `${path} is broken at line ${line}`, { cause: error, details: { path, line } });
}

async function brokenLine(path: string): Promise<number | undefined> {
  try {
    return await csvBrokenQuote(path, await csvDelimiter(path));
  } catch {
    // It cannot even be read: what the engine said has to do.
    return undefined;
  }
}
