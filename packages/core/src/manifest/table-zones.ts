import type { TableName } from '../ids.ts';
import { defaultTableName } from '../ids.ts';
import { BUILT_IN_MODEL } from '../index-spec.ts';
import { excludedFrom, LOCAL_ZONE, type TableZones, type ZoneTag } from '../zones.ts';
import type { ColumnSpec, Manifest, Pipeline, Table, TransformStep } from './model.ts';
import type { Problem } from './problem.ts';

/** Health data goes nowhere else, whatever else is said. */
const PHI_ZONES: ZoneTag = ['local:*', 'on-prem:*'];

/** Every tag that concerns a table, whichever pipeline gives it. */
export function tableZones(
  manifest: Pick<Manifest, 'pipelines' | 'transforms'>,
  name: TableName,
): TableZones {
  const feeding = manifest.pipelines.flatMap((pipeline) => feeds(pipeline, name));
  const sources = columnSources(manifest, name);
  return {
    table: tagsOf(feeding.flatMap(({ pipeline, table }) => [pipeline, ...(table ? [table] : [])])),
    column(column) {
      const declared = sources(column);
      return [...tagsOf(declared), ...(declared.some(({ piiType }) => piiType === 'phi') ? [PHI_ZONES] : [])];
    },
  };
}

/** By column of the store: the declared columns whose values may be in it, those within it included. */
export function columnSources(
  { pipelines, transforms }: Pick<Manifest, 'pipelines' | 'transforms'>,
  name: TableName,
): (column: string) => readonly ColumnSpec[] {
  const declared = pipelines
    .flatMap((pipeline) => feeds(pipeline, name))
    .flatMap(({ table }) => table?.columns ?? []);
  const steps = transforms.filter(({ table }) => table === name).flatMap((each) => each.steps);
  return (column) => sourcesOf(column, declared, steps);
}

/** Vector indexes whose model runs where their data may not go. */
export function zoneProblems(
  manifest: Pick<Manifest, 'pipelines' | 'transforms' | 'embeddings'>,
  nameOf: (pipeline: Pipeline, table: Table) => TableName,
): readonly Problem[] {
  const problems = new Map<string, Problem>();
  for (const pipeline of manifest.pipelines) {
    for (const table of pipeline.tables ?? []) {
      const name = nameOf(pipeline, table);
      const zones = tableZones(manifest, name);
      for (const index of table.indexes) {
        if (index.kind !== 'vector') continue;
        const zone = zoneOf(manifest, index.model);
        const excluded = excludedFrom(zone, index.columns, zones);
        if (!excluded.all && excluded.columns.length === 0) continue;
        const what = excluded.all ? `the table "${name}"` : excluded.columns.map((c) => `"${c}"`).join(', ');
        problems.set(`${name}\0${index.name}`, {
          code: 'embedding.zone_refused',
          file: '',
          place: `table "${name}" > index "${index.name}"`,
          message: `its model "${index.model}" runs in "${zone}", which inference_zone_allowed of ${what} leaves out`,
        });
      }
    }
  }
  return [...problems.values()];
}

function zoneOf({ embeddings }: Pick<Manifest, 'embeddings'>, model: string): string {
  if (model === BUILT_IN_MODEL) return LOCAL_ZONE;
  const embedding = embeddings.find((each) => each.model === model);
  return embedding?.kind === 'endpoint' ? embedding.zone : LOCAL_ZONE;
}

interface Feeding {
  readonly pipeline: Pipeline;
  readonly table: Table | undefined;
}

/** A pipeline without a list may feed whatever its source offers. */
function feeds(pipeline: Pipeline, name: TableName): readonly Feeding[] {
  const { connector } = pipeline.source;
  if (pipeline.tables === undefined) {
    return name.startsWith(defaultTableName(connector, '')) ? [{ pipeline, table: undefined }] : [];
  }
  return pipeline.tables
    .filter((table) => (table.name ?? defaultTableName(connector, table.source)) === name)
    .map((table) => ({ pipeline, table }));
}

function tagsOf(tagged: readonly { readonly inferenceZones: ZoneTag | undefined }[]): readonly ZoneTag[] {
  return tagged.flatMap(({ inferenceZones }) => (inferenceZones === undefined ? [] : [inferenceZones]));
}

/** The declared columns whose values may be in a column of the store: tags are given before transforms. */
function sourcesOf(
  column: string,
  declared: readonly ColumnSpec[],
  steps: readonly TransformStep[],
): readonly ColumnSpec[] {
  let paths: readonly string[] = [column];
  for (const step of steps.toReversed()) {
    const before = pathsBefore(paths, step);
    // What an expression makes may hold anything of the row.
    if (before === undefined) return declared;
    paths = before;
  }
  return declared.filter(({ name }) => paths.some((path) => isWithin(path, name) || isWithin(name, path)));
}

function pathsBefore(paths: readonly string[], step: TransformStep): readonly string[] | undefined {
  switch (step.verb) {
    case 'with_columns':
      return step.columns.some(({ name }) => paths.some((path) => isWithin(path, name))) ? undefined : paths;
    case 'rename':
      return paths.map((path) => {
        const renamed = step.columns.find(({ to }) => isWithin(path, to));
        return renamed === undefined ? path : renamed.from + path.slice(renamed.to.length);
      });
    case 'unnest':
      return [...paths, ...paths.map((path) => `${step.column}.${path}`)];
    default:
      return paths;
  }
}

function isWithin(path: string, outer: string): boolean {
  const [inner, around] = [path.toLowerCase(), outer.toLowerCase()];
  return inner === around || inner.startsWith(`${around}.`);
}
