import type { CompactSession } from './session.ts';

/** What the engine says of a part it wrote. Bounds are text, cut where they are long. */
export interface FileStatistics {
  readonly rows: number;
  readonly bytes: number;
  readonly columns: ReadonlyMap<string, FileColumn>;
}

export interface FileColumn {
  readonly min: string | undefined;
  readonly max: string | undefined;
  readonly nulls: number;
}

/** Runs a COPY with RETURN_STATS. */
export async function readFileStatistics(session: CompactSession, copy: string): Promise<FileStatistics> {
  const [row = []] = await session.rows(copy);
  const [, rows, bytes, , columns] = row;
  const entries = columns as unknown as readonly { readonly key: string; readonly value: readonly Pair[] }[];
  return {
    rows: Number(rows),
    bytes: Number(bytes),
    columns: new Map(
      entries.map(({ key, value }) => [key, column(new Map(value.map((p) => [p.key, p.value])))]),
    ),
  };
}

interface Pair {
  readonly key: string;
  readonly value: string;
}

const column = (found: ReadonlyMap<string, string>): FileColumn => ({
  // A NaN is left out of the bounds, yet sorts past every number.
  min: found.get('has_nan') === 'true' ? undefined : found.get('min'),
  max: found.get('has_nan') === 'true' ? undefined : found.get('max'),
  nulls: Number(found.get('null_count') ?? 0),
});
