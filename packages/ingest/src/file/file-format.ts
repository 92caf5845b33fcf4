import { HakiriError } from '@hakiri/core';

export interface FileFormat {
  readonly format: 'ndjson' | 'json' | 'csv' | 'parquet';
  readonly compression: 'gzip' | 'zstd' | undefined;
}

const FORMATS: Readonly<Record<string, FileFormat['format']>> = {
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  json: 'json',
  csv: 'csv',
  tsv: 'csv',
  parquet: 'parquet',
};

const COMPRESSIONS: Readonly<Record<string, FileFormat['compression']>> = { gz: 'gzip', zst: 'zstd' };

/** What a file holds, by its ending or by what the manifest says. Throws source.file_format. */
export function fileFormat(path: string, declared: FileFormat['format'] | undefined): FileFormat {
  const endings = path.toLowerCase().split('/').at(-1)!.split('.').slice(1);
  const compression = COMPRESSIONS[endings.at(-1) ?? ''];
  const ending = (compression === undefined ? endings.at(-1) : endings.at(-2)) ?? '';
  const format = declared ?? FORMATS[ending];
  if (format === undefined) {
    throw new HakiriError('source.file_format', `The format of ${path} cannot be told from its name`, {
      details: { path },
    });
  }
  return { format, compression };
}
