import type { PipelineId, TableName } from '../ids.ts';
import type { IndexSpec } from '../index-spec.ts';
import type { PiiType } from '../pii-type.ts';
import type { Action, ColumnAction } from '../ports/access.ts';
import type { ConflictAction, TableMode } from '../ports/destination.ts';
import type { LogicalType } from '../types/logical-type.ts';
import type { ZoneTag } from '../zones.ts';

/** A manifest that was read and checked: every default filled in, every name branded, every duration in milliseconds. */
export interface Manifest {
  readonly project: {
    readonly name: string;
    /** `ed25519/<64 hex digits>`; several while a rotation lasts. */
    readonly publicKeys: readonly string[];
  };
  readonly pipelines: readonly Pipeline[];
  readonly transforms: readonly TableTransform[];
  /** The models that are defined; the built-in one is not among them. */
  readonly embeddings: readonly EmbeddingSpec[];
  /** Ceilings for every grant. */
  readonly policies: readonly PolicySpec[];
  readonly policyTests: readonly PolicyTest[];
}

/** Several of one table hold together. */
export interface PolicySpec {
  readonly table: TableName;
  /** In the predicate language: the only rows that anybody sees. */
  readonly rows: string | undefined;
  /** By path; dots reach into structs. */
  readonly columns: readonly { readonly name: string; readonly action: ColumnAction }[];
  readonly minGroup: number | undefined;
}

/** What somebody is expected to see of a table. What is undefined is not asked. */
export interface PolicyTest {
  readonly name: string;
  readonly table: TableName;
  /** Undefined: the owner. */
  readonly caller: PolicyTestCaller | undefined;
  readonly hidden: boolean | undefined;
  readonly sees: readonly string[];
  readonly hides: readonly string[];
  readonly columns: readonly { readonly name: string; readonly action: ColumnAction | 'scrub' | 'clear' }[];
  readonly allRows: boolean | undefined;
  /** 0: rows are served. */
  readonly minGroup: number | undefined;
}

/** Restrictions are those of an authority block, on the table of the expectation. */
export interface PolicyTestCaller {
  readonly agent: string;
  readonly zone: string | undefined;
  readonly tables: readonly TableName[];
  readonly actions: readonly Action[];
  readonly rows: string | undefined;
  readonly columns: readonly string[] | undefined;
  readonly column: readonly { readonly name: string; readonly action: ColumnAction }[];
  readonly minGroup: number | undefined;
}

export interface Pipeline {
  readonly id: PipelineId;
  readonly source: { readonly connector: string; readonly config: Readonly<Record<string, unknown>> };
  /** Names only; values come from the environment, the secrets file or systemd. */
  readonly secrets: readonly string[];
  /** Hosts, with or without a port, that the egress guard lets pass although their address is private. */
  readonly allowHosts: readonly string[];
  readonly incremental: string | undefined;
  readonly lookbackMs: number | undefined;
  /** For the tables that say none themselves. */
  readonly retentionMs: number | undefined;
  readonly tombstoneRetentionMs: number | undefined;
  /** When a daemon runs it by itself. */
  readonly schedule: Schedule | undefined;
  /** Where models may run that its rows are sent to; undefined: anywhere. */
  readonly inferenceZones: ZoneTag | undefined;
  /** Undefined: every table the source offers by default. */
  readonly tables: readonly Table[] | undefined;
}

/** What the manifest says of one table; what it leaves out comes from the source, then from the defaults. */
export interface Table {
  readonly source: string;
  readonly name: TableName | undefined;
  readonly primaryKey: readonly string[] | undefined;
  readonly mode: TableMode | undefined;
  readonly incremental: string | undefined;
  readonly onConflict: ConflictAction;
  readonly unknownColumns: UnknownColumns;
  readonly commitEveryRows: number;
  readonly maxRecordBytes: number;
  /** As written; `parseAccessPattern` reads it once the incremental column is known. */
  readonly accessPattern: string | undefined;
  /** How long superseded files are kept for questions about the past. */
  readonly retentionMs: number | undefined;
  /** How long the table remembers what was deleted, so that a late run does not bring it back. */
  readonly tombstoneRetentionMs: number | undefined;
  /** Columns that name whom a row is about; dots reach into objects. */
  readonly subjectColumns: readonly string[] | undefined;
  readonly agentDescription: string | undefined;
  readonly columns: readonly ColumnSpec[];
  /** Holds beside what the pipeline says. */
  readonly inferenceZones: ZoneTag | undefined;
  /** Of the table in the store, whichever pipeline declares them. */
  readonly indexes: readonly IndexSpec[];
}

/** `jitterMs`: a run starts later by anything up to this. */
export type Schedule =
  | { readonly kind: 'every'; readonly everyMs: number; readonly jitterMs: number }
  /** Five fields, or six with the seconds first, in the time of the machine. */
  | { readonly kind: 'cron'; readonly expression: string; readonly jitterMs: number };

export type EmbeddingSpec = EndpointEmbedding | FolderEmbedding;

interface EmbeddingBase {
  /** The name that vector indexes give. */
  readonly model: string;
  readonly dims: number;
  /** Texts at once, at most. */
  readonly batch: number;
  /** Put before each text, by what it is embedded for; often empty. */
  readonly queryPrefix: string;
  readonly documentPrefix: string;
}

export interface EndpointEmbedding extends EmbeddingBase {
  readonly kind: 'endpoint';
  readonly endpoint: string;
  readonly zone: string;
  /** Name of the secret that holds the key. */
  readonly secret: string | undefined;
  /** Of one request. */
  readonly timeoutMs: number;
}

export interface FolderEmbedding extends EmbeddingBase {
  readonly kind: 'folder';
  /** As written; relative to the project's folder. */
  readonly folder: string;
}

/** `add`: a key not seen before becomes a column. `drop`: only declared columns are read, the rest is left out on purpose. `redact`: it becomes a column of nulls until the manifest names it; the default once a column of the table is sensitive. */
export type UnknownColumns = 'add' | 'drop' | 'redact';

export interface ColumnSpec {
  readonly name: string;
  readonly type: LogicalType | undefined;
  readonly agentHint: string | undefined;
  readonly piiType: PiiType | undefined;
  /** Done to each value before it reaches a file. */
  readonly onWrite: ColumnAction | undefined;
  /** `<table>.<column>` of the columns whose values this text may quote. */
  readonly contains: readonly string[];
  readonly inferenceZones: ZoneTag | undefined;
}

/** The verbs run in the order written within one entry: the order of `TransformStep`s here. */
export interface TableTransform {
  readonly table: TableName;
  readonly steps: readonly TransformStep[];
}

export type TransformStep =
  | { readonly verb: 'select'; readonly columns: readonly string[] }
  | {
      readonly verb: 'with_columns';
      readonly columns: readonly { readonly name: string; readonly expression: string }[];
    }
  | { readonly verb: 'filter'; readonly expression: string }
  | { readonly verb: 'rename'; readonly columns: readonly { readonly from: string; readonly to: string }[] }
  | {
      readonly verb: 'cast';
      readonly columns: readonly { readonly name: string; readonly type: LogicalType }[];
    }
  | { readonly verb: 'drop'; readonly columns: readonly string[] }
  | { readonly verb: 'explode'; readonly column: string }
  | { readonly verb: 'unnest'; readonly column: string };

export const TABLE_DEFAULTS = {
  onConflict: 'quarantine',
  unknownColumns: 'add',
  commitEveryRows: 100_000,
  maxRecordBytes: 16 * 1024 * 1024,
  retentionMs: 7 * 86_400_000,
  tombstoneRetentionMs: 30 * 86_400_000,
} as const;

export const EMBEDDING_DEFAULTS = { batch: 64, timeoutMs: 30_000 } as const;
