import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { JsonValue, RunId } from '@hakiri/core';
import { oneJsonForm } from './json-form.ts';
import type { IncomingRow } from './merge-rows.ts';
import type { RowShape } from './row-key.ts';
import type { TakenDelta } from './sidecar-file.ts';

/** A longer tail is the engine's work. */
const MAX_TAIL_BYTES = 1_000_000;
const CHUNK_BYTES = 65_536;
const NEWLINE = 0x0a;

/** Where a file of small writes ends: taken before it is read, so that nothing later counts as taken. */
export function deltaEnd(path: string): TakenDelta {
  return withFile(path, (file) => {
    const { size, mtimeMs } = fstatSync(file);
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - CHUNK_BYTES);
      const read = readSync(file, chunk, 0, end - start, start);
      const newline = chunk.subarray(0, read).lastIndexOf(NEWLINE);
      if (newline >= 0) return takenUpTo(start + newline + 1, size, mtimeMs);
      end = start;
    }
    return takenUpTo(0, size, mtimeMs);
  });
}

/** Whether a file has grown, or its torn end has changed, since so much of it was taken. */
export function hasGrown(path: string, { bytes, tail }: TakenDelta): boolean | 'shrunk' {
  const { size, mtimeMs } = statSync(path);
  if (size < bytes) return 'shrunk';
  return size !== bytes && tail !== `${size}:${mtimeMs}`;
}

export interface DeltaTail {
  readonly rows: readonly IncomingRow[];
  readonly taken: TakenDelta;
}

/** Rows written since; undefined where it takes the engine to read them. */
export function readTail(path: string, from: number, shape: RowShape): DeltaTail | undefined {
  return withFile(path, (file) => {
    const { size, mtimeMs } = fstatSync(file);
    if (size - from > MAX_TAIL_BYTES) return undefined;
    const bytes = Buffer.alloc(size - from);
    const read = readSync(file, bytes, 0, bytes.length, from);
    const lines = bytes.subarray(0, read).toString('utf8').split('\n');
    const rows: IncomingRow[] = [];
    for (const line of lines) {
      for (const row of commitRows(line)) {
        const incoming = incomingRow(row, shape);
        if (incoming === undefined) return undefined;
        rows.push(incoming);
      }
    }
    return { rows, taken: takenUpTo(from + bytes.lastIndexOf(NEWLINE) + 1, size, mtimeMs) };
  });
}

function takenUpTo(bytes: number, size: number, mtimeMs: number): TakenDelta {
  return { bytes, tail: bytes === size ? null : `${size}:${mtimeMs}` };
}

/** What is no commit has no rows: the head, and a line that was torn. */
function commitRows(line: string): readonly Readonly<Record<string, JsonValue>>[] {
  try {
    const { rows } = JSON.parse(line) as { readonly rows?: readonly Record<string, JsonValue>[] };
    return Array.isArray(rows) ? rows : [];
  } catch {
    return [];
  }
}

function incomingRow(row: Readonly<Record<string, JsonValue>>, shape: RowShape): IncomingRow | undefined {
  const values: JsonValue[] = [];
  for (const { name, type } of shape.columns) {
    const value = oneJsonForm(row[name], type);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return {
    run: row._hakiri_run as RunId,
    seq: Number(row._hakiri_seq),
    deleted: row._hakiri_deleted === true,
    order: String(row._hakiri_order),
    values,
  };
}

function withFile<T>(path: string, use: (file: number) => T): T {
  const file = openSync(path, 'r');
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}
