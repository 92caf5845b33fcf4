import {
  type CatalogCursor,
  type CatalogRunPart,
  type CatalogTable,
  type Commit,
  EMPTY_SCHEMA,
  findColumn,
  greaterOrder,
  type LogicalType,
  NO_VALUE,
  orderValueOf,
  type PartEntry,
  type PartInput,
  type PartOutcome,
  type RunId,
  type RunManifest,
  runTimeValue,
  type SchemaFingerprint,
  type SetAside,
  type TableSchema,
  type TableTarget,
  type TableWriter,
} from '@hakiri/core';
import type { ConvertInput } from '@hakiri/engine';
import { syncUpTo, writeDurably } from '../disk/durable.ts';
import { MANIFEST_NAME, partName, quarantineFile, runFolder } from '../disk/layout.ts';
import { forgottenOnce } from '../erase/forgotten-once.ts';
import { leaveOutForgotten } from '../erase/screen.ts';
import { sidecarTable } from '../sidecar-table.ts';
import type { StoreContext } from '../store-context.ts';
import { countBack } from './count-back.ts';
import { fileColumns } from './file-columns.ts';
import { fingerprint } from './fingerprint.ts';
import {
  appendRecords,
  closeQuarantine,
  misfitRecord,
  type OpenQuarantine,
  openQuarantine,
  screened,
} from './quarantine.ts';
import { ROW_GROUP_ROWS } from './row-groups.ts';
import { nextSchema } from './table-schema-rules.ts';
import { writeSchemas } from './write-schemas.ts';
import { writeTombstones } from './write-tombstones.ts';

/** What has been written since the last commit, invisible until the manifest is there. */
interface Pending {
  readonly run: RunId;
  readonly startedAt: string;
  readonly parts: PartEntry[];
  quarantine: OpenQuarantine | undefined;
  readonly changes: string[];
  readonly schemas: Map<SchemaFingerprint, TableSchema>;
  schema: TableSchema;
  inputSchema: TableSchema;
  sequence: number;
  greatestOrder: string | null;
}

/** What is to be converted, and the columns it has once nothing in it is clear that must not be. */
interface DescribedInput {
  readonly schema: TableSchema;
  readonly input: ConvertInput;
  readonly unnamed?: readonly string[];
}

export function openTableWriter(
  context: StoreContext,
  target: TableTarget,
  committed: { readonly table: CatalogTable | undefined; readonly cursor: CatalogCursor | undefined },
): TableWriter {
  const { files, clock, engine, catalog, node, paths } = context;
  let table = committed.table;
  let cursor = committed.cursor?.cursor ?? undefined;
  let inputSchema = committed.cursor?.inputSchema ?? EMPTY_SCHEMA;
  let pending: Pending | undefined;
  let nullsMet = false;
  const transformed = new Map<SchemaFingerprint, TableSchema>();
  const committedRuns: RunId[] = [];

  const begin = (): Pending => {
    pending ??= {
      run: context.newRunId(table?.lastRun),
      startedAt: new Date(clock.nowMs()).toISOString(),
      parts: [],
      quarantine: undefined,
      changes: [],
      schemas: new Map(),
      schema: table?.schema ?? EMPTY_SCHEMA,
      inputSchema,
      sequence: 0,
      greatestOrder: table?.greatestOrder ?? null,
    };
    return pending;
  };

  const afterTransform = async (input: TableSchema): Promise<TableSchema> => {
    if (target.transform === undefined) return input;
    const key = fingerprint(input);
    const known = transformed.get(key) ?? (await engine.describe(input, target.transform));
    transformed.set(key, known);
    return known;
  };

  const orderFallback = (run: Pending): string => {
    if (target.incremental === undefined) return runTimeValue(run.run);
    return run.greatestOrder === null ? NO_VALUE : orderValueOf(run.greatestOrder);
  };

  const describeInput = async (part: PartInput, known: TableSchema): Promise<DescribedInput> => {
    if (part.kind === 'records') {
      const { kind, path, schema, largestRecordBytes, deletes } = part;
      return { schema, input: { kind, path, schema, largestRecordBytes, deletes } };
    }
    const { path, format, kind } = part;
    const { schema, clear, redacted, unnamed } = await fileColumns(engine, part, target, known);
    return { schema, input: { kind, path, format, schema: clear, redacted }, unnamed };
  };

  const writePart = async (part: PartInput): Promise<PartOutcome> => {
    const run = begin();
    const given = await describeInput(part, run.inputSchema);
    const { schema: input } = given;
    const output = await afterTransform(input);
    const next = nextSchema(run.schema, output, target);
    const columns = next.schema.columns.filter(
      ({ name, type }) => type.kind !== 'undecided' && isDecided(findColumn(output, name)?.type),
    );
    const folder = runFolder(target.table, run.run, node);
    const relative = `${folder}/${partName(run.parts.length)}`;
    await files.makeFolder(paths.absolute(folder));
    const result = await engine.convert({
      input: given.input,
      transform: target.transform,
      columns,
      primaryKey: target.primaryKey,
      order: {
        suffix: { generation: 0, run: run.run },
        column: orderColumn(target.incremental, input),
        fallback: orderFallback(run),
        nulls: nullsMet ? 'expected' : 'unexpected',
        firstSequence: run.sequence,
      },
      output: paths.absolute(relative),
      rowGroupRows: ROW_GROUP_ROWS,
    });
    nullsMet ||= result.nullOrder;
    run.sequence += result.rows + result.misfits.length;
    await setAside(result.misfits.map(misfitRecord));
    run.inputSchema = input;
    run.schema = next.schema;
    run.changes.push(...next.changes);
    run.greatestOrder = greaterOrder(run.greatestOrder, result.greatestOrder ?? null);
    if (result.rows === 0) {
      await files.remove(paths.absolute(relative));
    } else {
      const held = { columns };
      run.schemas.set(fingerprint(held), held);
      run.parts.push({
        path: relative,
        rows: result.rows,
        bytes: result.bytes,
        sha256: result.sha256,
        schema: fingerprint(held),
        ...(result.keyRange === null ? {} : { key_range: result.keyRange }),
        ...(result.leastOrder === undefined ? {} : { least_order: result.leastOrder }),
      });
    }
    const { unnamed = [] } = given;
    return {
      rows: result.rows,
      setAside: result.misfits.length,
      ...(unnamed.length === 0 ? {} : { unnamed }),
    };
  };

  /** Parts without a row that may stay are gone by then, so their count says nothing. */
  const freePart = ({ run, parts }: Pending): string => {
    const names = Array.from({ length: parts.length + 1 }, (_, i) => partName(i));
    const paths = names.map((name) => `${runFolder(target.table, run, node)}/${name}`);
    return paths.findLast((path) => !parts.some((part) => part.path === path)) ?? '';
  };

  /** A whole pull has shown every row there is: whatever did not come with it is deleted. */
  const deleteOthers = async (): Promise<void> => {
    if (table === undefined) return;
    const run = begin();
    const others = await writeTombstones(context, {
      table: { ...table, newer: [...table.newer, ...run.parts.map((part) => runPart(run, part))] },
      run: run.run,
      pulled: [...committedRuns, run.run],
      firstSequence: run.sequence,
      part: freePart(run),
    });
    if (others === undefined) return;
    run.schemas.set(others.part.schema, others.columns);
    run.parts.push(others.part);
    run.sequence += others.part.rows;
    run.greatestOrder = greaterOrder(run.greatestOrder, others.greatestOrder);
  };

  const readForgotten = forgottenOnce(context);
  const facts = () => ({
    name: target.table,
    mode: target.mode,
    primaryKey: target.primaryKey,
    incremental: target.incremental ?? null,
    subjectColumns: target.subjectColumns,
    schema: pending?.schema ?? EMPTY_SCHEMA,
  });

  /** What was forgotten for good does not come back with another pull. */
  const leaveOut = async (after: string | undefined) => {
    const forgotten = await readForgotten();
    if (!forgotten || pending === undefined) return { rows: 0, after };
    const screened = await leaveOutForgotten(context, forgotten, facts(), {
      parts: pending.parts,
      schemas: pending.schemas,
      greatestOrder: pending.greatestOrder,
      before: table?.greatestOrder ?? null,
      cursors: [after ?? null],
    });
    pending.parts.splice(0, pending.parts.length, ...screened.parts);
    pending.greatestOrder = screened.greatestOrder;
    return { rows: screened.forgotten, after: screened.cursor(after ?? null) ?? undefined };
  };

  const commit = async (pulled: string | undefined, whole = false): Promise<Commit | undefined> => {
    const { rows: forgotten, after } = await leaveOut(pulled);
    if (whole && target.mode === 'replace') await deleteOthers();
    const nothingNew =
      pending === undefined ||
      (pending.parts.length === 0 && pending.quarantine === undefined && pending.changes.length === 0);
    if (nothingNew && (after === undefined || after === cursor)) return undefined;
    const run = begin();
    const folder = runFolder(target.table, run.run, node);
    for (const part of run.parts) await files.sync(paths.absolute(part.path));
    for (const part of run.parts) await countBack(context, part);
    await context.sidecars?.forRun(
      sidecarTable({ ...target, name: target.table, schema: run.schema }),
      run.parts.map((part) => runPart(run, part)),
    );
    run.schemas.set(fingerprint(run.schema), run.schema).set(fingerprint(run.inputSchema), run.inputSchema);
    await writeSchemas(context, target.table, run.schemas);
    const quarantine = await closeQuarantine(context, run.quarantine);
    const manifest: RunManifest = {
      format: 1,
      run: run.run,
      job: target.job,
      node,
      table: target.table,
      mode: target.mode,
      primary_key: target.primaryKey,
      incremental: target.incremental ?? null,
      subject_columns: target.subjectColumns,
      pipeline: target.pipeline,
      source_table: target.sourceTable,
      parts: run.parts,
      schema: fingerprint(run.schema),
      schema_changes: run.changes,
      input_schema: fingerprint(run.inputSchema),
      cursor: { before: cursor ?? null, after: after ?? cursor ?? null },
      greatest_order: run.greatestOrder,
      delta: null,
      quarantine,
      lineage: target.lineage,
      lease_generation: 0,
      started_at: run.startedAt,
      committed_at: new Date(clock.nowMs()).toISOString(),
    };
    await files.makeFolder(paths.absolute(folder));
    await syncUpTo(files, paths.absolute(folder), paths.context);
    await writeDurably(
      files,
      paths.absolute(`${folder}/${MANIFEST_NAME}`),
      `${JSON.stringify(manifest, null, 2)}\n`,
    );
    // From here on the run is there: a crash now is mended by adopting the manifest.
    pending = undefined;
    committedRuns.push(run.run);
    await catalog.commitRun(manifest, run.schemas);
    table = await catalog.table(target.table);
    cursor = manifest.cursor.after ?? undefined;
    inputSchema = run.inputSchema;
    if (table) await context.published(table);
    return {
      run: run.run,
      rows: run.parts.reduce((sum, part) => sum + part.rows, 0),
      parts: run.parts.length,
      bytes: run.parts.reduce((sum, part) => sum + part.bytes, 0),
      setAside: quarantine?.rows ?? 0,
      quarantine: quarantine === null ? undefined : paths.absolute(quarantine.path),
      schemaChanges: run.changes,
      ...(forgotten > 0 ? { forgotten } : {}),
    };
  };

  const writeAside = async (given: readonly SetAside[]): Promise<void> => {
    if (given.length === 0) return;
    const forgotten = await readForgotten();
    const left = forgotten ? given.flatMap((record) => screened(record, facts(), forgotten)) : given;
    const records = target.redactor === undefined ? left : left.map(target.redactor.withoutContent);
    if (records.length === 0) return;
    const run = begin();
    run.quarantine ??= await openQuarantine(context, quarantineFile(target.table, run.run));
    await appendRecords(run.quarantine, records);
  };

  // One after the other: the intake and the engine set records aside at the same time.
  let settingAside: Promise<void> = Promise.resolve();
  const setAside = (records: readonly SetAside[]): Promise<void> => {
    settingAside = settingAside.then(() => writeAside(records));
    return settingAside;
  };

  return {
    get cursor() {
      return cursor;
    },
    get inputSchema() {
      return inputSchema;
    },
    writePart,
    setAside,
    commit,
    async discard() {
      if (!pending) return;
      const { run, quarantine } = pending;
      pending = undefined;
      await quarantine?.file.close().catch(() => {});
      const folder = paths.absolute(runFolder(target.table, run, node));
      // The manifest first: a run with a manifest and no parts would look like damage.
      if (await files.stat(`${folder}/${MANIFEST_NAME}`)) {
        await files.remove(`${folder}/${MANIFEST_NAME}`);
        await files.syncFolder(folder);
      }
      await files.removeTree(paths.absolute(`tables/${target.table}/data/runs/${run}`));
      await files.remove(paths.absolute(quarantineFile(target.table, run)));
    },
  };
}

function runPart({ run, schemas }: Pending, part: PartEntry): CatalogRunPart {
  return { ...part, run, columns: schemas.get(part.schema) ?? EMPTY_SCHEMA };
}

const isDecided = (type: LogicalType | undefined): boolean => type !== undefined && type.kind !== 'undecided';

/** Undefined while no record has had the column: then the fallback orders them all. */
function orderColumn(incremental: string | undefined, input: TableSchema) {
  if (incremental === undefined) return undefined;
  const path = incremental.split('.');
  let type: LogicalType | undefined = findColumn(input, path[0] ?? '')?.type;
  for (const name of path.slice(1)) {
    type = type?.kind === 'struct' ? type.fields.find((field) => field.name === name)?.type : undefined;
  }
  return type && type.kind !== 'undecided' ? { path, type } : undefined;
}
