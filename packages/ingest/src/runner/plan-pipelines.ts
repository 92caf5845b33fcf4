import type {
  Cursor,
  Manifest,
  Pipeline,
  Source,
  TableName,
  TableRedactor,
  TableSchema,
  TransformStep,
} from '@hakiri/core';
import { Intake } from '../scan/intake.ts';
import { compileTransforms } from '../transforms/compile-transforms.ts';
import { type OpenRedactor, redactorOf, unnamedWarning } from './redactor-of.ts';
import { isKeyed, type ResolvedTable, resolveTables } from './resolve-tables.ts';
import type { TablePlan } from './run-events.ts';

export interface PlannerOptions {
  readonly manifest: Pick<Manifest, 'pipelines' | 'transforms'>;
  readonly pipelines: readonly Pipeline[];
  readonly openRedactor?: OpenRedactor;
  createSource(pipeline: Pipeline): Source;
  steps(table: TableName): readonly TransformStep[];
  /** Where the next pull of a table starts. */
  cursor(
    pipeline: Pipeline,
    table: ResolvedTable,
  ): Promise<{ readonly cursor: Cursor | undefined; readonly inputSchema: TableSchema }>;
  /** @throws HakiriError for a transform that could never run */
  checkTransform(sql: string): Promise<void>;
  /** What a first batch of that shape would change in the table's schema, in words. */
  preview(pipeline: Pipeline, table: ResolvedTable, input: PreviewInput): Promise<readonly string[]>;
  readonly signal: AbortSignal;
}

interface PreviewBase {
  readonly transform: string | undefined;
  /** Declared types, of the input once it is redacted. */
  readonly declared: TableSchema;
}

export type PreviewInput =
  | (PreviewBase & { readonly kind: 'records'; readonly schema: TableSchema })
  | (PreviewBase & {
      readonly kind: 'file';
      readonly path: string;
      readonly format: 'csv' | 'parquet';
      /** The columns of its records as last committed. */
      readonly known: TableSchema;
      readonly redactor: TableRedactor | undefined;
    });

/** What a run would do. Costs one request a table at most, and writes nothing. */
export async function planPipelines(options: PlannerOptions): Promise<readonly TablePlan[]> {
  const plans: TablePlan[] = [];
  for (const pipeline of options.pipelines) {
    const source = options.createSource(pipeline);
    try {
      for (const table of await resolveTables(pipeline, source))
        plans.push(await planTable(options, pipeline, source, table));
    } finally {
      await source.close();
    }
  }
  return plans;
}

async function planTable(
  options: PlannerOptions,
  pipeline: Pipeline,
  source: Source,
  table: ResolvedTable,
): Promise<TablePlan> {
  const last = await options.cursor(pipeline, table);
  const { inputSchema } = last;
  const cursor = table.mode === 'replace' ? undefined : last.cursor;
  const { sample, pages, files, bytes } = await source.estimate({
    table: table.info.name,
    cursor,
    signal: options.signal,
  });
  const steps = options.steps(table.name);
  const transform = steps.length > 0 ? compileTransforms(steps, { keyed: isKeyed(table) }) : undefined;
  if (transform !== undefined) await options.checkTransform(transform);
  const warnings: string[] = [];
  const redactor = await redactorOf(options.manifest, table, options.openRedactor);
  const declared = redactor === undefined ? table.declared : redactor.declared(table.declared);
  // A source that counts its files and gives none ahead has none with rows; any other has not looked.
  let changes: readonly string[] | undefined = sample !== undefined || files !== undefined ? [] : undefined;
  if (sample?.kind === 'file') {
    changes = await options.preview(pipeline, table, {
      kind: 'file',
      path: sample.path,
      format: sample.format,
      transform,
      declared,
      known: inputSchema,
      redactor,
    });
  } else if (sample && sample.records.length > 0) {
    const { primaryKey, onConflict, unknownColumns } = table;
    const redaction = redactor?.records(inputSchema);
    const redacted = redaction?.redact(sample.records);
    const intake = new Intake({
      known: inputSchema,
      declared,
      primaryKey: transform === undefined ? primaryKey : [],
      onConflict,
      unknownColumns,
      keyed: isKeyed(table),
    });
    const checked = intake.check(redacted?.lines ?? sample.records);
    const aside = [...(redacted?.setAside ?? []), ...checked.setAside];
    const reasons = new Set(aside.map(({ code, reason }) => `${code}: ${reason}`));
    const unnamed = [...(redaction?.unnamed ?? [])];
    if (unnamed.length > 0) warnings.push(unnamedWarning(unnamed));
    for (const reason of reasons) warnings.push(`records would be set aside: ${reason}`);
    changes = await options.preview(pipeline, table, {
      kind: 'records',
      schema: intake.schema,
      transform,
      declared,
    });
  }
  return {
    ref: { pipeline: pipeline.id, source: table.info.name, table: table.name },
    mode: table.mode,
    primaryKey: table.primaryKey,
    incremental: table.incremental,
    cursor,
    pages,
    files,
    bytes,
    schemaChanges: changes,
    warnings,
  };
}
