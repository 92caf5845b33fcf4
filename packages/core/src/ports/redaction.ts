import type { PiiType } from '../pii-type.ts';
import type { LogicalType } from '../types/logical-type.ts';
import type { TableSchema } from '../types/table-schema.ts';
import type { ColumnAction } from './access.ts';
import type { SetAside } from './source.ts';

/** What the manifest wants taken out of a table's input before any of it reaches a file. */
export interface RedactionSpec {
  readonly columns: readonly RedactedColumn[];
  /** `redact`: of a key that was not seen before, and that `named` does not hold, only the name is kept. */
  readonly unknown: 'pass' | 'redact';
  /** Paths that the manifest names, wherever. */
  readonly named: readonly string[];
  readonly primaryKey: readonly string[];
}

export interface RedactedColumn {
  /** As in the source's records, before any transform; dots reach into objects, and into each object of a list. */
  readonly path: string;
  readonly action: ColumnAction;
  readonly piiType: PiiType | undefined;
}

/** Takes out of one table's input what must not reach a file. Implemented by `access`. */
export interface TableRedactor {
  /** Declared types, as they are once the input is redacted. */
  declared(declared: TableSchema): TableSchema;
  /** @param known the input's columns as last committed: what a file holds in clear was seen before */
  records(known: TableSchema): RecordRedactor;
  /** @param found the file's own columns */
  file(found: TableSchema, known: TableSchema): RedactedFile;
  /** A record that is set aside, without its content: a keyed digest of its key, or of its bytes, in its place. */
  withoutContent(aside: SetAside): SetAside;
}

export interface RecordRedactor {
  /**
   * Whole NDJSON lines with the values taken out; whatever is not touched stays byte for byte. What cannot be read
   * as a JSON object is left out: nobody can tell what it holds. May give the bytes it got.
   */
  redact(lines: Uint8Array): RedactedLines;
  /** Keys met so far that the manifest does not name, and whose values were therefore left out; at most a few. */
  readonly unnamed: ReadonlySet<string>;
}

export interface RedactedLines {
  readonly lines: Uint8Array;
  /** Without content. */
  readonly setAside: readonly SetAside[];
}

/** How a file's columns are read. */
export interface RedactedFile {
  readonly columns: readonly RedactedFileColumn[];
  /** As `RecordRedactor.unnamed`. */
  readonly unnamed: readonly string[];
}

export interface RedactedFileColumn {
  readonly name: string;
  /** As what it is read, clear: its declared type, else the file's own. */
  readonly from: LogicalType;
  /** What is left of it; undefined: the column is left out. */
  readonly type: LogicalType | undefined;
  /** SQL over the column's clear value; undefined: it is read as it is, or left out. */
  readonly sql: string | undefined;
}
