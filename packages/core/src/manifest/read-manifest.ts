import { HakiriError } from '../errors.ts';
import {
  defaultTableName,
  type PipelineId,
  parsePipelineId,
  parseTableName,
  type TableName,
} from '../ids.ts';
import { nearest } from '../suggest.ts';
import { sameType } from '../types/logical-type.ts';
import { parseTypeName } from '../types/parse-type-name.ts';
import { checkShape } from './check-shape.ts';
import type { RawManifest, RawPipeline, RawTable, RawTransform } from './manifest-schema.ts';
import {
  type ColumnSpec,
  type Manifest,
  type Pipeline,
  type Schedule,
  TABLE_DEFAULTS,
  type Table,
  type TableTransform,
  type TransformStep,
} from './model.ts';
import { parseManifestText } from './parse-manifest-text.ts';
import { type Problem, problemsError } from './problem.ts';
import { readEmbeddings } from './read-embeddings.ts';
import { indexConflict, joinIndexes, toIndexes } from './read-indexes.ts';
import { quoteProblems, strayPolicies, toPolicy, toPolicyTest } from './read-policies.ts';
import { parseSchedule } from './schedule.ts';
import { zoneProblems } from './table-zones.ts';
import { parseByteSize, parseDurationMs, parseRowCount } from './units.ts';

export interface ManifestFile {
  /** As it is shown in messages; `.json` is read as JSON, all else as TOML. */
  readonly file: string;
  readonly text: string;
}

interface Shaped {
  readonly file: string;
  readonly shape: RawManifest;
}

interface Placed {
  readonly file: string;
  readonly pipeline: Pipeline;
}

/**
 * `hakiri.toml` and the files under `pipelines/`, in the order in which they are to be merged, as one checked
 * manifest. Throws `manifest.syntax`, `manifest.unknown_key`, `manifest.not_built`, `manifest.wrong_type`,
 * `manifest.duplicate_pipeline`, `manifest.table_conflict`, `embedding.unknown_model`, `embedding.zone_refused`,
 * `policy.invalid`;
 * `manifest.not_found` when no file is a hakiri.toml.
 * The message lists up to five problems, the first of them gives the code.
 */
export function readManifest(files: readonly ManifestFile[]): Manifest {
  if (!files.some(({ file }) => isRoot(file))) {
    throw new HakiriError('manifest.not_found', 'There is no hakiri.toml.');
  }
  const problems: Problem[] = [];
  const shaped: Shaped[] = [];
  for (const { file, text } of files) {
    const format = file.endsWith('.json') ? 'json' : 'toml';
    const checked = checkShape(file, parseManifestText(text, { file, format }));
    if ('problems' in checked) problems.push(...checked.problems);
    else shaped.push({ file, shape: checked.shape });
  }
  throwAny(problems);
  throwAny(shaped.flatMap(checkProject));

  const { embeddings, dims, problems: modelProblems } = readEmbeddings(shaped);
  throwAny(modelProblems);

  const sensitive = sensitiveTables(shaped);
  const placed = shaped.flatMap(({ file, shape }) =>
    (shape.pipeline ?? []).map((raw) => ({ file, pipeline: toPipeline(raw, dims, sensitive) })),
  );
  const transforms = mergeTransforms(shaped);
  throwAny([
    ...duplicateIds(placed),
    ...tableConflicts(placed),
    ...strayTransforms(placed, transforms),
    ...incrementalProblems(placed),
  ]);

  const project = shaped.find(({ file }) => isRoot(file))?.shape.project;
  const manifest: Manifest = {
    // checkProject let nothing without a project pass.
    project: { name: project?.name ?? '', publicKeys: project?.public_keys ?? [] },
    pipelines: shareTableSettings(placed.map(({ pipeline }) => pipeline)),
    transforms,
    embeddings,
    policies: shaped.flatMap(({ shape }) => (shape.policy ?? []).map(toPolicy)),
    policyTests: shaped.flatMap(({ shape }) => (shape.policy_test ?? []).map(toPolicyTest)),
  };
  throwAny([...zoneProblems(manifest, tableNameOf), ...policyProblems(manifest)]);
  return manifest;
}

/** The name in the store of a table that a pipeline reads. */
export function tableNameOf(pipeline: Pipeline, table: Pick<Table, 'name' | 'source'>): TableName {
  return table.name ?? defaultTableName(pipeline.source.connector, table.source);
}

function throwAny([first, ...rest]: readonly Problem[]): void {
  if (first !== undefined) throw problemsError([first, ...rest]);
}

function isRoot(file: string): boolean {
  return /(^|[\\/])hakiri\.(toml|json)$/.test(file);
}

function checkProject({ file, shape }: Shaped): readonly Problem[] {
  const place = 'project';
  if (isRoot(file) && shape.project === undefined) {
    return [{ code: 'manifest.wrong_type', file, place, message: 'is missing: expected { name = "demo" }' }];
  }
  if (!isRoot(file) && shape.project !== undefined) {
    const hint = 'A file under pipelines/ holds pipelines, transforms, models and policies only.';
    return [{ code: 'manifest.unknown_key', file, place, message: 'belongs in hakiri.toml alone', hint }];
  }
  return [];
}

function toPipeline(
  raw: RawPipeline,
  dims: ReadonlyMap<string, number>,
  sensitive: ReadonlySet<TableName>,
): Pipeline {
  return {
    id: parsePipelineId(raw.id),
    source: { connector: raw.source.connector, config: raw.source.config ?? {} },
    secrets: raw.secrets ?? [],
    allowHosts: raw.allow_hosts ?? [],
    incremental: raw.incremental,
    lookbackMs: milliseconds(raw.lookback),
    retentionMs: milliseconds(raw.retention),
    tombstoneRetentionMs: milliseconds(raw.tombstone_retention),
    schedule: toSchedule(raw),
    inferenceZones: raw.inference_zone_allowed,
    tables: raw.tables?.map((table) =>
      toTable(typeof table === 'string' ? { source: table } : table, raw, dims, sensitive),
    ),
  };
}

function toSchedule({ schedule, jitter }: RawPipeline): Schedule | undefined {
  if (schedule === undefined) return undefined;
  const read = parseSchedule(schedule, milliseconds(jitter) ?? 0);
  // The schema let no other pass.
  return 'schedule' in read ? read.schedule : undefined;
}

function milliseconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDurationMs(duration);
}

function toTable(
  raw: RawTable,
  pipeline: RawPipeline,
  dims: ReadonlyMap<string, number>,
  sensitive: ReadonlySet<TableName>,
): Table {
  const unknownColumns = sensitive.has(rawTableName(raw, pipeline))
    ? 'redact'
    : TABLE_DEFAULTS.unknownColumns;
  return {
    source: raw.source,
    name: raw.name === undefined ? undefined : parseTableName(raw.name),
    primaryKey: raw.primary_key,
    mode: raw.mode,
    incremental: raw.incremental,
    onConflict: raw.on_conflict ?? TABLE_DEFAULTS.onConflict,
    unknownColumns: raw.unknown_columns ?? unknownColumns,
    commitEveryRows: parseRowCount(raw.commit_every ?? '') ?? TABLE_DEFAULTS.commitEveryRows,
    maxRecordBytes: parseByteSize(raw.max_record ?? '') ?? TABLE_DEFAULTS.maxRecordBytes,
    accessPattern: raw.access_pattern,
    retentionMs: milliseconds(raw.retention ?? pipeline.retention),
    tombstoneRetentionMs: milliseconds(raw.tombstone_retention ?? pipeline.tombstone_retention),
    subjectColumns: raw.subject_columns,
    agentDescription: raw.agent_description,
    columns: Object.entries(raw.columns ?? {}).map(
      ([name, column]): ColumnSpec => ({
        name,
        type: column.type === undefined ? undefined : parseTypeName(column.type),
        agentHint: column.agent_hint,
        piiType: column.pii_type,
        onWrite: column.on_write,
        contains: column.contains ?? [],
        inferenceZones: column.inference_zone_allowed,
      }),
    ),
    inferenceZones: raw.inference_zone_allowed,
    indexes: toIndexes(raw.indexes, dims),
  };
}

function rawTableName(raw: RawTable, { source }: RawPipeline): TableName {
  return raw.name === undefined ? defaultTableName(source.connector, raw.source) : parseTableName(raw.name);
}

/** Whichever pipeline says so: its rows lie in the table of all. */
function sensitiveTables(files: readonly Shaped[]): ReadonlySet<TableName> {
  const tables = files
    .flatMap(({ shape }) => shape.pipeline ?? [])
    .flatMap((pipeline) =>
      (pipeline.tables ?? []).flatMap((table) => (typeof table === 'string' ? [] : [{ table, pipeline }])),
    );
  return new Set(
    tables
      .filter(({ table }) =>
        Object.values(table.columns ?? {}).some(
          ({ pii_type, on_write }) => pii_type !== undefined || on_write !== undefined,
        ),
      )
      .map(({ table, pipeline }) => rawTableName(table, pipeline)),
  );
}

/** Entries for one table are carried out one after another: those under pipelines first, file by file. */
function mergeTransforms(files: readonly Shaped[]): readonly TableTransform[] {
  const merged = new Map<TableName, TransformStep[]>();
  const entries = files.flatMap(({ shape }) => [
    ...(shape.pipeline ?? []).flatMap((pipeline) => pipeline.transforms ?? []),
    ...(shape.transforms ?? []),
  ]);
  for (const entry of entries) {
    const table = parseTableName(entry.table);
    merged.set(table, [...(merged.get(table) ?? []), ...toSteps(entry)]);
  }
  return [...merged].map(([table, steps]) => ({ table, steps }));
}

/** The order of the keys is the order of the steps. */
function toSteps(entry: RawTransform): readonly TransformStep[] {
  return Object.keys(entry).flatMap((verb) => toStep(verb as keyof RawTransform, entry) ?? []);
}

function toStep(verb: keyof RawTransform, entry: RawTransform): TransformStep | undefined {
  switch (verb) {
    case 'table':
      return undefined;
    case 'select':
    case 'drop':
      return { verb, columns: entry[verb] ?? [] };
    case 'filter':
      return { verb, expression: entry.filter ?? '' };
    case 'explode':
    case 'unnest':
      return { verb, column: entry[verb] ?? '' };
    case 'with_columns':
      return {
        verb,
        columns: Object.entries(entry.with_columns ?? {}).map(([name, expression]) => ({ name, expression })),
      };
    case 'rename':
      return { verb, columns: Object.entries(entry.rename ?? {}).map(([from, to]) => ({ from, to })) };
    case 'cast':
      return {
        verb,
        columns: Object.entries(entry.cast ?? {}).map(([name, type]) => ({
          name,
          type: parseTypeName(type),
        })),
      };
  }
}

function duplicateIds(placed: readonly Placed[]): readonly Problem[] {
  const first = new Map<PipelineId, string>();
  return placed.flatMap(({ file, pipeline: { id } }) => {
    const other = first.get(id);
    if (other === undefined) {
      first.set(id, file);
      return [];
    }
    const where = other === file ? `twice in ${file}` : `in ${other} and in ${file}`;
    const message = `the id is used ${where}`;
    return [{ code: 'manifest.duplicate_pipeline' as const, file, place: `pipeline "${id}"`, message }];
  });
}

function tableConflicts(placed: readonly Placed[]): readonly Problem[] {
  const feeding = new Map<TableName, { readonly placed: Placed; readonly table: Table }>();
  const problems: Problem[] = [];
  for (const each of placed) {
    const { file, pipeline } = each;
    const sources = new Set<string>();
    for (const table of pipeline.tables ?? []) {
      const name = tableNameOf(pipeline, table);
      const report = (message: string): void => {
        const place = `pipeline "${pipeline.id}" > table "${name}"`;
        problems.push({ code: 'manifest.table_conflict', file, place, message });
      };
      if (sources.has(table.source)) report(`the source table "${table.source}" is listed twice`);
      sources.add(table.source);
      const other = feeding.get(name);
      if (other === undefined) {
        feeding.set(name, { placed: each, table });
        continue;
      }
      if (other.table.mode === 'replace' || table.mode === 'replace') {
        report(
          `pipeline "${other.placed.pipeline.id}" in ${other.placed.file} feeds it too: with mode = "replace" each would delete the other's rows`,
        );
        continue;
      }
      const difference = disagreement(other.table, table);
      // What the second says must agree with the third, too.
      feeding.set(name, { ...other, table: { ...other.table, ...keptSettings(other.table, table) } });
      if (difference !== undefined) {
        report(
          `pipeline "${other.placed.pipeline.id}" in ${other.placed.file} feeds it too, with another ${difference}`,
        );
      }
    }
  }
  return problems;
}

/**
 * How a table is kept is the table's own affair: where several pipelines feed it, what one of them says holds for
 * all. `tableConflicts` has seen to it that no two say different things.
 */
function shareTableSettings(pipelines: readonly Pipeline[]): readonly Pipeline[] {
  const said = new Map<TableName, KeptSettings>();
  const declared = new Map<TableName, readonly ColumnSpec[]>();
  for (const pipeline of pipelines) {
    for (const table of pipeline.tables ?? []) {
      const name = tableNameOf(pipeline, table);
      said.set(name, keptSettings(said.get(name) ?? table, table));
      declared.set(name, [...(declared.get(name) ?? []), ...table.columns]);
    }
  }
  return pipelines.map((pipeline) => ({
    ...pipeline,
    tables: pipeline.tables?.map((table) => {
      const name = tableNameOf(pipeline, table);
      const columns = shareSensitive(table.columns, declared.get(name) ?? []);
      return { ...table, ...said.get(name), columns };
    }),
  }));
}

type KeptSettings = Pick<
  Table,
  'accessPattern' | 'retentionMs' | 'tombstoneRetentionMs' | 'subjectColumns' | 'indexes'
>;

/** What one pipeline says of a column's values is done to those of every pipeline that feeds the table. */
function shareSensitive(own: readonly ColumnSpec[], all: readonly ColumnSpec[]): readonly ColumnSpec[] {
  const sensitive = all.filter(({ piiType, onWrite }) => piiType !== undefined || onWrite !== undefined);
  const shared = new Map(own.map((column) => [column.name.toLowerCase(), column]));
  for (const { name, piiType, onWrite } of sensitive) {
    const known = shared.get(name.toLowerCase());
    shared.set(name.toLowerCase(), {
      ...(known ?? { name, type: undefined, agentHint: undefined, contains: [], inferenceZones: undefined }),
      piiType: known?.piiType ?? piiType,
      onWrite: known?.onWrite ?? onWrite,
    });
  }
  return [...shared.values()];
}

function keptSettings(first: KeptSettings, other: KeptSettings): KeptSettings {
  return {
    accessPattern: first.accessPattern ?? other.accessPattern,
    retentionMs: first.retentionMs ?? other.retentionMs,
    tombstoneRetentionMs: first.tombstoneRetentionMs ?? other.tombstoneRetentionMs,
    subjectColumns: first.subjectColumns ?? other.subjectColumns,
    indexes: joinIndexes(first.indexes, other.indexes),
  };
}

/** What one leaves to the source cannot be compared here: the run compares it again with the source's answer. */
function disagreement(a: Table, b: Table): string | undefined {
  if (a.primaryKey && b.primaryKey && a.primaryKey.join('\0') !== b.primaryKey.join('\0'))
    return 'primary_key';
  if (a.mode && b.mode && a.mode !== b.mode) return 'mode';
  if (a.incremental && b.incremental && a.incremental !== b.incremental) return 'incremental column';
  if (differ(a.accessPattern, b.accessPattern)) return 'access_pattern';
  if (differ(a.retentionMs, b.retentionMs)) return 'retention';
  if (differ(a.tombstoneRetentionMs, b.tombstoneRetentionMs)) return 'tombstone_retention';
  if (differ(a.subjectColumns?.join('\0'), b.subjectColumns?.join('\0'))) return 'subject_columns';
  const index = indexConflict(a.indexes, b.indexes);
  if (index !== undefined) return `index "${index}"`;
  const declared = new Map(a.columns.map((column) => [column.name.toLowerCase(), column]));
  for (const column of b.columns) {
    const other = declared.get(column.name.toLowerCase());
    if (other === undefined) continue;
    if (other.name !== column.name) return `case of column "${column.name}"`;
    if (other.type && column.type && !sameType(other.type, column.type))
      return `type of column "${column.name}"`;
    if (differ(other.onWrite, column.onWrite)) return `on_write of column "${column.name}"`;
    if (differ(other.piiType, column.piiType)) return `pii_type of column "${column.name}"`;
  }
  return undefined;
}

function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** What is done to values on the way in would take their order from them. */
function incrementalProblems(placed: readonly Placed[]): readonly Problem[] {
  return placed.flatMap(({ file, pipeline }) =>
    (pipeline.tables ?? []).flatMap((table) => {
      const incremental = (table.incremental ?? pipeline.incremental)?.toLowerCase();
      return table.columns
        .filter(({ name, onWrite }) => {
          const path = name.toLowerCase();
          return onWrite !== undefined && (incremental === path || incremental?.startsWith(`${path}.`));
        })
        .map(({ name }) => ({
          code: 'manifest.wrong_type' as const,
          file,
          place: `pipeline "${pipeline.id}" > table "${tableNameOf(pipeline, table)}" > columns > ${name} > on_write`,
          message: 'the incremental column tells which of two rows is newer, and has to stay as it is',
        }));
    }),
  );
}

function policyProblems({ pipelines, policies, policyTests }: Manifest): readonly Problem[] {
  const listed = pipelines.flatMap((pipeline) =>
    (pipeline.tables ?? []).map((table) => ({ name: tableNameOf(pipeline, table), columns: table.columns })),
  );
  // A pipeline without a list may feed any table of its source.
  const isAll = pipelines.every(({ tables }) => tables !== undefined);
  const named = [
    ...policies.map(({ table }) => ({ table, place: 'policy' })),
    ...policyTests.map(({ table, name }) => ({ table, place: `policy_test "${name}"` })),
  ];
  const fed = listed.map(({ name }) => name);
  return [...quoteProblems(listed), ...(isAll ? strayPolicies(named, fed) : [])];
}

/** Where every table is named, a transform of any other would do nothing: a misspelling. */
function strayTransforms(
  placed: readonly Placed[],
  transforms: readonly TableTransform[],
): readonly Problem[] {
  if (placed.some(({ pipeline }) => pipeline.tables === undefined)) return [];
  const fed = placed.flatMap(({ pipeline }) =>
    (pipeline.tables ?? []).map((table) => tableNameOf(pipeline, table)),
  );
  return transforms
    .filter(({ table }) => !fed.includes(table))
    .map(({ table }) => {
      const meant = nearest(table, fed);
      return {
        code: 'manifest.wrong_type',
        file: '',
        place: 'transforms',
        message: `no pipeline feeds a table "${table}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      };
    });
}
