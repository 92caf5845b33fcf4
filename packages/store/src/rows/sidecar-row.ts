import type { JsonValue, RunId } from '@hakiri/core';

/** An alive row, with where it comes from. */
export interface SidecarRow {
  /** By column, in the one JSON form of every way out. */
  readonly values: Readonly<Record<string, JsonValue>>;
  readonly run: RunId;
  readonly seq: number;
  readonly order: string;
}
