import { isUtf8 } from 'node:buffer';
import type { SetAside, TableSchema } from '@hakiri/core';
import { type Fault, fault } from './fault.ts';
import { LinePieces } from './line-pieces.ts';
import { type Edit, readRecord } from './record-reader.ts';
import { applyEdits, collectEdits } from './rewrite.ts';
import { DELETE_MARKER, type RootOptions, rootShape, widenRoot } from './root-shape.ts';
import { ShapeScanner } from './scan-kernel.ts';
import { countShapes, keepStruct, type StructShape, schemaOf } from './shape.ts';

const NEWLINE = 0x0a;
const LINE_BREAK = Buffer.from('\n');
/** More types than this in one table, nested ones included, and further objects become json. */
const MAX_TYPES = 20_000;

export interface IntakeOptions extends RootOptions {
  /** The schema committed for the table's input so far. */
  readonly known: TableSchema;
  /** Columns whose type the manifest or the source declares. */
  readonly declared: TableSchema;
}

export interface CheckedRecords {
  /** Whole lines, each with its newline: the lines given, less those set aside, some rewritten. */
  readonly accepted: Uint8Array[];
  /** Records in `accepted`. */
  readonly rows: number;
  /** Bytes of the largest of them, its newline included; 0 when there are none. */
  readonly largestRecordBytes: number;
  readonly setAside: SetAside[];
}

/** One block of lines on its way through. */
interface Block {
  readonly lines: Buffer;
  readonly pieces: LinePieces;
  readonly setAside: SetAside[];
  /** Lines before this offset are in `pieces` or set aside. */
  settled: number;
  rows: number;
  largest: number;
}

/**
 * Checks the records of one table of a run against what is known of its columns, and learns new columns on
 * the way. What it accepts, the engine reads with `schema` without changing a value.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #scanner = new ShapeScanner();
  #root: StructShape;
  #schema: TableSchema | undefined;
  #fieldsLeft = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#root = rootShape(options.known, options.declared, options);
    this.#loadShape();
  }

  /** The columns of every record accepted so far. */
  get schema(): TableSchema {
    this.#schema ??= columnsOf(this.#root);
    return this.#schema;
  }

  /** Whether any record accepted so far said if it is a delete. */
  get deletes(): boolean {
    return this.#root.fields.has(DELETE_MARKER);
  }

  /** A part is being written with `schema`: from now on a decided type only widens without loss. */
  freeze(): void {
    this.#change(keepStruct(this.#root));
  }

  /** Takes NDJSON lines. `accepted` may refer to `lines`, which must not be written to while it is in use. */
  check(lines: Uint8Array): CheckedRecords {
    const bytes = validUtf8(lines);
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    const checked = this.#checkLines(bytes.subarray(0, whole));
    if (whole === bytes.length) return checked;
    return joined(checked, this.#checkLines(Buffer.concat([bytes.subarray(whole), LINE_BREAK])));
  }

  #checkLines(lines: Buffer): CheckedRecords {
    const block: Block = { lines, pieces: new LinePieces(), setAside: [], settled: 0, rows: 0, largest: 0 };
    let offset = this.#scanner.scan(lines, 0);
    while (offset < lines.length) {
      const end = lines.indexOf(NEWLINE, offset) + 1;
      this.#checkLine(block, offset, end);
      offset = this.#scanner.scan(lines, end);
    }
    this.#scanner.release();
    const scanned = this.#scanner.takeCounts();
    return {
      accepted: acceptedOf(block),
      rows: block.rows + scanned.rows,
      largestRecordBytes: Math.max(block.largest, scanned.longest),
      setAside: block.setAside,
    };
  }

  /** The exact way, for a line that does not plainly conform. */
  #checkLine(block: Block, start: number, end: number): void {
    const line = block.lines.subarray(start, end - 1);
    if (isBlank(line)) {
      leaveOut(block, start, end);
      return;
    }
    const checked = this.#admit(line);
    if ('kind' in checked) {
      leaveOut(block, start, end);
      block.setAside.push(setAsideOf(checked, line));
      return;
    }
    let bytes = end - start;
    if (checked.edits.length > 0) {
      const rewritten = applyEdits(block.lines.subarray(start, end), checked.edits);
      leaveOut(block, start, end);
      block.pieces.add(rewritten);
      bytes = rewritten.length;
    }
    block.rows++;
    block.largest = Math.max(block.largest, bytes);
  }

  /** Takes a record into the shape; gives what must be rewritten in it. */
  #admit(line: Buffer): { readonly edits: readonly Edit[] } | Fault {
    const record = readRecord(line);
    if (record.kind === 'fault') return record;
    const { value } = record;
    if (value.kind !== 'object') return fault('record.not_object', 'the record is not a JSON object');
    const open = this.#options.unknownColumns === 'drop';
    const run = { line, open, fieldsLeft: this.#fieldsLeft };
    const root = widenRoot(this.#root, value, run, this.#options);
    if (root.kind === 'fault') return root;
    this.#change(root);
    const edits = [...record.repairs];
    collectEdits(root, value, edits);
    return { edits };
  }

  #change(root: StructShape): void {
    if (root === this.#root) return;
    this.#root = root;
    this.#schema = undefined;
    this.#loadShape();
  }

  #loadShape(): void {
    this.#fieldsLeft = Math.max(0, MAX_TYPES - countShapes(this.#root));
    const open = this.#options.unknownColumns === 'drop';
    this.#scanner.load(this.#root, { required: this.#options.primaryKey, open });
  }
}

function columnsOf(root: StructShape): TableSchema {
  return { columns: schemaOf(root).columns.filter(({ name }) => name !== DELETE_MARKER) };
}

/** The lines as UTF-8: bytes that are not become U+FFFD, as `TextDecoder` has it. */
function validUtf8(lines: Uint8Array): Buffer {
  const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString('utf8'));
}

/** Nothing left out: the lines themselves. */
function acceptedOf({ lines, settled, pieces }: Block): Uint8Array[] {
  if (settled === 0) return lines.length > 0 ? [lines] : [];
  pieces.add(lines.subarray(settled));
  return pieces.finish();
}

/** Passes on what stands before a line, and drops the line. */
function leaveOut(block: Block, start: number, end: number): void {
  block.pieces.add(block.lines.subarray(block.settled, start));
  block.settled = end;
}

function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function setAsideOf({ code, reason, column }: Fault, line: Buffer): SetAside {
  const record = Buffer.from(line);
  return column === undefined ? { code, reason, record } : { code, reason, column, record };
}

function joined(a: CheckedRecords, b: CheckedRecords): CheckedRecords {
  return {
    accepted: [...a.accepted, ...b.accepted],
    rows: a.rows + b.rows,
    largestRecordBytes: Math.max(a.largestRecordBytes, b.largestRecordBytes),
    setAside: [...a.setAside, ...b.setAside],
  };
}
