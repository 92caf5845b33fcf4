import type { IncrementalFormat } from '../toolkit/incremental-value.ts';
import type { Pagination } from '../toolkit/paginate.ts';

type Scalar = string | number | boolean;

/** One list of an API, checked and with every default filled in. */
export interface Resource {
  readonly name: string;
  /** Below the base address; `{name}` stands for a value of the parent row. */
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly params: Readonly<Record<string, Scalar | readonly Scalar[]>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly records: readonly string[] | undefined;
  readonly format: 'json' | 'ndjson';
  readonly primaryKey: readonly string[];
  readonly pagination: Pagination;
  readonly incremental: ResourceIncremental | undefined;
  readonly parent: ParentLink | undefined;
  /** Error statuses that mean an empty list. */
  readonly emptyStatuses: readonly number[];
}

export interface ResourceIncremental {
  readonly column: string;
  readonly param: string | undefined;
  readonly format: IncrementalFormat;
  readonly order: 'ascending' | 'descending' | 'unordered';
  /** Sent by the first pull. */
  readonly start: string | undefined;
  /** Pages are asked for by value; see `incremental.seek` of the configuration. */
  readonly seek: boolean;
  readonly lookbackMs: number;
}

export interface ParentLink {
  readonly resource: Resource;
  readonly param: string;
  readonly field: string;
}
