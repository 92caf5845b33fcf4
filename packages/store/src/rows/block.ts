import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { HakiriError, type JsonValue, type RunId } from '@hakiri/core';

/** Enough for neighbours to help each other, few enough to decode for the sake of one. */
export const BLOCK_ROWS = 16;
/** More makes each block dearer to write and hardly smaller. */
export const DICTIONARY_BYTES = 32_768;

/** A row as a sidecar keeps it; `values` in the order of its layout's columns. */
export interface HeldRow {
  readonly run: RunId;
  readonly seq: number;
  readonly order: string;
  readonly values: readonly JsonValue[];
}

/** Decoded, column by column. */
export interface Block {
  readonly runs: readonly RunId[];
  readonly seqs: readonly number[];
  readonly orders: readonly string[];
  readonly columns: readonly (readonly JsonValue[])[];
}

/**
 * Rows turned into columns, a line of JSON each: values of a column resemble each other more than those of a row.
 */
export function blockText(rows: readonly HeldRow[]): string {
  const width = rows[0]?.values.length ?? 0;
  const lines = [
    JSON.stringify(rows.map(({ run }) => run)),
    JSON.stringify(rows.map(({ seq }) => seq)),
    JSON.stringify(rows.map(shortOrder)),
  ];
  for (let i = 0; i < width; i++) lines.push(JSON.stringify(rows.map(({ values }) => values[i] ?? null)));
  return lines.join('\n');
}

export function encodeBlock(rows: readonly HeldRow[], dictionary: Uint8Array): Uint8Array {
  return zstdCompressSync(blockText(rows), {
    params: {
      [constants.ZSTD_c_compressionLevel]: 6,
      // A block that changed on the disk is to be noticed, not believed.
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    ...withDictionary(dictionary),
  });
}

/** @throws HakiriError store.damaged */
export function decodeBlock(data: Uint8Array, dictionary: Uint8Array): Block {
  try {
    const [runs, seqs, short, ...columns] = zstdDecompressSync(data, withDictionary(dictionary))
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line) as never);
    const held = { runs: runs ?? [], seqs: seqs ?? [] } as Pick<Block, 'runs' | 'seqs'>;
    const orders = ((short ?? []) as string[]).map((order, i) =>
      longOrder(order, held.runs[i] as RunId, held.seqs[i] ?? 0),
    );
    return { ...held, orders, columns };
  } catch (error) {
    throw new HakiriError('store.damaged', 'A block of the row sidecar is damaged', { cause: error });
  }
}

export function rowOf(block: Block, slot: number): HeldRow | undefined {
  const run = block.runs[slot];
  if (run === undefined) return undefined;
  return {
    run,
    seq: block.seqs[slot] ?? 0,
    order: block.orders[slot] ?? '',
    values: block.columns.map((column) => column[slot] ?? null),
  };
}

/** Text out of blocks that are typical: without it every block would spell out what all of them share. */
export function dictionaryFrom(rows: readonly HeldRow[]): Uint8Array {
  const blocks: string[] = [];
  let bytes = 0;
  const step = Math.max(BLOCK_ROWS, Math.floor(rows.length / 32));
  for (let at = 0; at + BLOCK_ROWS <= rows.length && bytes < DICTIONARY_BYTES; at += step) {
    const text = blockText(rows.slice(at, at + BLOCK_ROWS));
    blocks.push(text);
    bytes += text.length;
  }
  return Buffer.from(blocks.join('\n')).subarray(0, DICTIONARY_BYTES);
}

function withDictionary(dictionary: Uint8Array) {
  return dictionary.length > 0 ? { dictionary } : {};
}

/** Most orders end in what the row says anyway. */
function shortOrder({ order, run, seq }: HeldRow): string {
  const tail = orderTail(run, seq);
  return order.endsWith(tail) ? order.slice(0, -tail.length) : `=${order}`;
}

function longOrder(short: string, run: RunId, seq: number): string {
  return short.startsWith('=') ? short.slice(1) : `${short}${orderTail(run, seq)}`;
}

const orderTail = (run: RunId, seq: number): string => `-00000000-${run}-${1_000_000_000 + seq}`;
