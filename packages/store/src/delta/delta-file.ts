import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import {
  type DeltaHead,
  type Files,
  HakiriError,
  isUlid,
  type JsonValue,
  parseArrowJson,
  type SchemaFingerprint,
  type TableSchema,
} from '@hakiri/core';
import { z } from 'zod';
import { type Layout, schemaFile } from '../disk/layout.ts';

/** A commit, its newline included; what the engine is told to hold of one line. */
export const MAX_LINE_BYTES = 16_000_000;

/** A line of the file after its head: all of its rows, or none. */
export interface DeltaCommit {
  /** ISO 8601, UTC. Never less than that of the line before. */
  readonly at: string;
  readonly rows: readonly DeltaRow[];
}

export interface DeltaRow {
  readonly _hakiri_run: string;
  readonly _hakiri_seq: number;
  readonly _hakiri_deleted: boolean;
  readonly _hakiri_order: string;
  readonly [column: string]: JsonValue;
}

export interface ReadDelta {
  /** Undefined where the first line is none: such a file was never told to the catalog. */
  readonly head: DeltaHead | undefined;
  readonly commits: readonly DeltaCommit[];
  /** Up to the end of the last line that is whole. */
  readonly wholeBytes: number;
  /** The last whole line lacks only its newline. */
  readonly lacksNewline: boolean;
  /** What follows the last whole line: written, never acknowledged. */
  readonly tornBytes: number;
  /** Lines before the last whole one that nobody can read. */
  readonly damagedLines: number;
}

/** Reads a file of small writes as the view does: what is no commit is not there. */
export async function readDelta(files: Files, path: string): Promise<ReadDelta> {
  const bytes = Buffer.from(await files.readBytes(path));
  const commits: DeltaCommit[] = [];
  let head: DeltaHead | undefined;
  let wholeBytes = 0;
  let lacksNewline = false;
  let damaged = 0;
  let damagedLines = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const value = parseLine(bytes.subarray(start, end));
    const first = start === 0;
    start = end + 1;
    if (first) {
      head = parseHead(value);
      if (head === undefined) break;
    } else if (isCommit(value)) commits.push(value);
    else {
      damaged++;
      continue;
    }
    wholeBytes = Math.min(start, bytes.length);
    lacksNewline = newline < 0;
    damagedLines = damaged;
  }
  return { head, commits, wholeBytes, lacksNewline, tornBytes: bytes.length - wholeBytes, damagedLines };
}

const TAIL_BYTES = 65_536;

/** The sequence that the next row will have, told by the end of the file: all its rows have lower ones. */
export function nextSequence(path: string): number {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    for (let length = Math.min(size, TAIL_BYTES); ; length = Math.min(size, length * 4)) {
      const tail = Buffer.alloc(length);
      const read = readSync(file, tail, 0, length, size - length);
      const lines = tail.subarray(0, read).toString('utf8').split('\n');
      // Before the first newline there may be the end of a longer line.
      const whole = length === size ? lines : lines.slice(1);
      for (const line of whole.reverse()) {
        const rows = commitRows(line);
        if (rows.length > 0) return rows.reduce((next, row) => Math.max(next, row._hakiri_seq + 1), 0);
      }
      if (length === size) return 0;
    }
  } finally {
    closeSync(file);
  }
}

function commitRows(line: string): readonly DeltaRow[] {
  const value = parseLine(Buffer.from(line));
  return isCommit(value) ? value.rows : [];
}

/**
 * The head of a file, with the schema it names: what `commitDelta` takes.
 * @throws HakiriError store.damaged when the file has no head, or the head tells of another file
 */
export async function readDeltaHead(
  files: Files,
  paths: Layout,
  path: string,
): Promise<{ readonly head: DeltaHead; readonly schemas: ReadonlyMap<SchemaFingerprint, TableSchema> }> {
  const bytes = Buffer.from(await files.readBytes(path));
  const newline = bytes.indexOf(0x0a);
  const head = parseHead(parseLine(newline < 0 ? bytes : bytes.subarray(0, newline)));
  if (head === undefined || basename(path) !== `${head.run}.ndjson`) {
    throw new HakiriError('store.damaged', `${path} is not a file of small writes`, { details: { path } });
  }
  const schema = await files.readText(paths.absolute(schemaFile(head.table, head.schema)));
  return { head, schemas: new Map([[head.schema, parseArrowJson(schema)]]) };
}

function parseLine(line: Buffer): unknown {
  if (!isUtf8(line)) return undefined;
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isCommit(value: unknown): value is DeltaCommit {
  if (typeof value !== 'object' || value === null) return false;
  const { at, rows } = value as Partial<DeltaCommit>;
  return typeof at === 'string' && Array.isArray(rows);
}

const ulid = z.string().refine(isUlid, 'not a ULID');

const deltaHead = z.strictObject({
  format: z.literal(1),
  run: ulid,
  node: ulid,
  table: z.string().regex(/^[a-z][a-z0-9_]*$/),
  mode: z.enum(['merge', 'append', 'replace']),
  primary_key: z.array(z.string()),
  incremental: z.string().nullable(),
  subject_columns: z.array(z.string()),
  pipeline: z.string(),
  schema: z.string().regex(/^[0-9a-f]{64}$/),
  schema_changes: z.array(z.string()),
  greatest_order: z.string().nullable(),
  lineage: z.strictObject({
    connector: z.string(),
    connectorVersion: z.string(),
    author: z.string(),
    componentHash: z.string().nullable(),
    manifestHash: z.string(),
  }),
  started_at: z.string(),
});

function parseHead(value: unknown): DeltaHead | undefined {
  const { success, data } = deltaHead.safeParse(value);
  return success ? (data as unknown as DeltaHead) : undefined;
}
