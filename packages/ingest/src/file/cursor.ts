import { z } from 'zod';
import { parseVersioned } from '../http/resource-state.ts';

const VERSION = 1;
const entry = z.object({ size: z.number(), mtimeMs: z.number(), sha256: z.string() });
const schema = z.object({ v: z.literal(VERSION), files: z.record(z.string(), entry) });

/** A file that was taken whole. */
export type TakenFile = z.output<typeof entry>;
export type TakenFiles = Readonly<Record<string, TakenFile>>;

export function encodeTakenFiles(files: TakenFiles): string {
  return JSON.stringify({ v: VERSION, files });
}

export function decodeTakenFiles(cursor: string | undefined): TakenFiles | undefined {
  return parseVersioned(cursor, schema)?.files;
}
