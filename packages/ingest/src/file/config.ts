import { z } from 'zod';

const glob = z.string().min(1);

export const fileConfigSchema = z.strictObject({
  path: z
    .union([glob, z.array(glob).min(1)])
    .describe(
      "File, glob, or several; relative to the manifest's folder. Every match feeds each listed table.",
    ),
  format: z
    .enum(['ndjson', 'json', 'csv', 'parquet'])
    .describe('Format of the files, where their ending does not say it.')
    .optional(),
  records: z
    .string()
    .describe(
      'Path in a JSON file to the list of records, `data.items` for example. Left out: the file is the list.',
    )
    .optional(),
  primary_key: z
    .union([z.string().transform((name) => [name]), z.array(z.string()).min(1)])
    .describe('Columns that tell rows apart, where the table does not say it.')
    .default([]),
});

export type FileConfig = z.output<typeof fileConfigSchema>;
