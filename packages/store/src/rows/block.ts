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

/**
 * A block's text: every value on a line of its own, column by column, since values of a column resemble each other
 * more than those of a row. Run, sequence and order are the first columns. A row is parsed when it is asked for.
 */
export interface Block {
  readonly rows: number;
  readonly lines: readonly string[];
}

const OWN_COLUMNS = 3;

function blockText(rows: readonly HeldRow[]): string {
  const width = rows[0]?.values.length ?? 0;
  const lines = [
    ...rows.map(({ run }) => run),
    ...rows.map(({ seq }) => String(seq)),
    ...rows.map((row) => JSON.stringify(shortOrder(row))),
  ];
  for (let i = 0; i < width; i++) {
    for (const { values } of rows) lines.push(JSON.stringify(values[i] ?? null));
  }
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
export function decodeBlock(data: Uint8Array, columns: number, dictionary: Uint8Array): Block {
  try {
    const lines = zstdDecompressSync(data, withDictionary(dictionary)).toString().split('\n');
    const rows = lines.length / (columns + OWN_COLUMNS);
    if (!Number.isInteger(rows)) throw new Error(`${lines.length} values in ${columns} columns`);
    return { rows, lines };
  } catch (error) {
    throw damaged(error);
  }
}

/** Undefined past the block's rows. @throws HakiriError store.damaged */
export function rowOf({ rows, lines }: Block, slot: number): HeldRow | undefined {
  if (slot >= rows) return undefined;
  try {
    const run = lines[slot] as RunId;
    const seq = Number(lines[rows + slot]);
    const order = longOrder(JSON.parse(lines[2 * rows + slot] ?? '') as string, run, seq);
    const values: JsonValue[] = [];
    for (let at = OWN_COLUMNS * rows + slot; at < lines.length; at += rows) {
      values.push(JSON.parse(lines[at] ?? '') as JsonValue);
    }
    return { run, seq, order, values };
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(cause: unknown): HakiriError {
  return new HakiriError('store.damaged', 'A block of the row sidecar is damaged', { cause });
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
