import type { Clock, SourceWarning, TableMode } from '@hakiri/core';
import type { Transport } from './transport.ts';

/** What a source is given beside its configuration. Everything that touches the world comes in here. */
export interface SourceContext {
  readonly clock: Clock;
  /** Names of the secrets the pipeline lists. */
  readonly secrets: readonly string[];
  /** The value of a listed secret; throws secret.missing. */
  secret(name: string): string;
  /** Hosts, with or without a port, that the egress guard lets pass. */
  readonly allowHosts: readonly string[];
  /** The pipeline's incremental column, for tables that name none themselves. */
  readonly incremental: string | undefined;
  /** Subtracted from the time a pull resumes at. */
  readonly lookbackMs: number | undefined;
  /** The tables the manifest lists; empty when it lists none. */
  readonly tables: readonly TableSettings[];
  /** Limit of one record where the table gives none. */
  readonly maxRecordBytes: number;
  /** Keys what a cursor keeps of records; where a table of the pipeline is sensitive. */
  readonly digestKey?: Uint8Array | undefined;
  /** The manifest's folder: file globs are relative to it. */
  readonly projectFolder: string;
  /** Uniform in [0, 1), for jitter. */
  random(): number;
  log(event: SourceEvent): void;
  /** What the user should know of the source as a whole; what concerns a pull travels with its batches. */
  warn(warning: SourceWarning): void;
  /** Used in place of the network: the bundled sample, a test. */
  readonly transport?: Transport;
}

/** What the manifest says of one table, as far as a source needs it. */
export interface TableSettings {
  /** The table's name at the source. */
  readonly source: string;
  readonly incremental: string | undefined;
  /** Undefined where the key decides. */
  readonly mode: TableMode | undefined;
  readonly maxRecordBytes: number;
  /** Columns that something is done to before they reach a file; dots reach into objects. */
  readonly redacted?: readonly string[];
}

/** For logs and progress. Addresses are without secrets. */
export type SourceEvent =
  | { readonly kind: 'request'; readonly method: string; readonly address: string; readonly status: number }
  | {
      readonly kind: 'waiting';
      readonly address: string;
      readonly waitMs: number;
      readonly attempt: number;
      readonly why: string;
    }
  | { readonly kind: 'restart'; readonly table: string; readonly why: string };

export function tableMode(context: SourceContext, table: string): TableMode | undefined {
  return context.tables.find((entry) => entry.source === table)?.mode;
}

export function recordLimit(context: SourceContext, table: string): number {
  return context.tables.find((entry) => entry.source === table)?.maxRecordBytes ?? context.maxRecordBytes;
}
