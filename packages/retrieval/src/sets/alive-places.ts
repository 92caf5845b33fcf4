import { quoteIdentifier, type RunId } from '@hakiri/core';
import { mapEngineError } from '@hakiri/engine/child';
import type { Connection } from '../indexes/connection.ts';
import type { IndexedTable } from '../indexes/indexed-table.ts';
import type { AllowedRows } from '../search/request.ts';
import { ALIVE_ROWS } from './place-columns.ts';

/** Where the rows of a SELECT lie, as bits: of a part by ordinal, of small writes by sequence. */
export interface PlacedRows {
  readonly parts: ReadonlyMap<string, Uint32Array>;
  readonly deltas: ReadonlyMap<RunId, Uint32Array>;
  readonly bytes: number;
}

/** Bits are gathered in pieces, so that a small file beside a large one takes little. */
const PIECE_BITS = 32_768;
const PIECE_WORDS = PIECE_BITS / 32;

/** What leaves rows out: see `AllowedRows`. */
export type Sieve = Pick<AllowedRows, 'seen' | 'where'>;

/**
 * Asks the table's view where its rows lie, or those that are seen and pass a condition.
 * @throws HakiriError store.damaged, and what else the engine says
 */
export async function placedRows(
  connection: Connection,
  table: IndexedTable,
  { seen, where }: Sieve,
): Promise<PlacedRows> {
  const hasDeltas = table.deltas.length > 0;
  const place = hasDeltas ? 'coalesce("_hakiri_file", "_hakiri_run")' : '"_hakiri_file"';
  const row = hasDeltas ? 'coalesce("_hakiri_row", "_hakiri_seq")' : '"_hakiri_row"';
  const kept = where === undefined ? '' : `\nWHERE ${where}`;
  const alive = quoteIdentifier(ALIVE_ROWS);
  const sql = `WITH ${alive} AS NOT MATERIALIZED (${table.placesSelect}\n)
SELECT ${place} AS "_hakiri_place", ${row} // ${PIECE_BITS} AS "_hakiri_piece",
  bitstring_agg((${row} % ${PIECE_BITS})::INTEGER, 0, ${PIECE_BITS - 1})
FROM (${seen ?? `FROM ${alive}`}\n)${kept}
GROUP BY ALL`;
  try {
    const files = new Set(table.parts.map(({ path }) => path));
    const parts = new Map<string, Uint32Array>();
    const deltas = new Map<RunId, Uint32Array>();
    let bytes = 0;
    const reader = await connection.runAndReadAll(sql);
    for (const [place, piece, bits] of reader.getRows()) {
      const sets: Map<string, Uint32Array> = files.has(String(place)) ? parts : deltas;
      const words = withPiece(sets.get(String(place)), Number(piece), (bits as { data: Uint8Array }).data);
      sets.set(String(place), words);
      bytes += PIECE_BITS / 8;
    }
    return { parts, deltas, bytes };
  } catch (error) {
    // A condition may fail on a value of its own.
    const otherwise = where === undefined ? 'store.damaged' : 'query.failed';
    throw mapEngineError(error, otherwise, `asking where the rows of ${table.name} lie`);
  }
}

function withPiece(words: Uint32Array | undefined, piece: number, bits: Uint8Array): Uint32Array {
  const needed = (piece + 1) * PIECE_WORDS;
  let held = words ?? new Uint32Array(needed);
  if (held.length < needed) {
    const longer = new Uint32Array(Math.max(needed, held.length * 2));
    longer.set(held);
    held = longer;
  }
  // A byte of padding's length, then the first bit as the greatest of the first byte.
  const into = new Uint8Array(held.buffer, piece * PIECE_WORDS * 4, PIECE_BITS / 8);
  for (let i = 0; i < into.length; i++) into[i] = REVERSED[bits[i + 1] ?? 0]!;
  return held;
}

const REVERSED = Uint8Array.from({ length: 256 }, (_, byte) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) reversed |= 0x80 >> bit;
  return reversed;
});
