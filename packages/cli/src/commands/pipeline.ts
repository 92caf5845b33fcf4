import { type Pipeline, type Schedule, type Table, typeName, type ZoneTag } from '@hakiri/core';
import { jsonDocument } from '../format/json.ts';
import { scheduleText } from '../format/schedule-text.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount, formatDuration } from '../format/units.ts';
import type { Channel } from '../output.ts';
import { unknownPipeline } from '../select-pipelines.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
import { withProject } from '../with-project.ts';

export interface PipelineListFlags {
  readonly project?: string;
  readonly json: boolean;
}

export async function listPipelines(
  { services, output }: Call,
  flags: PipelineListFlags,
): Promise<undefined> {
  const pipelines = await withProject(services, flags.project, async ({ manifest }) => manifest.pipelines);
  if (flags.json) {
    output.out.line(
      jsonDocument({
        pipelines: pipelines.map(({ id, source, tables, incremental }) => ({
          id,
          connector: source.connector,
          tables: tables?.map((table) => table.name ?? table.source),
          incremental,
        })),
      }),
    );
    return;
  }
  if (pipelines.length === 0) {
    output.err.line('The manifest has no pipeline.');
    return;
  }
  const { lines } = textTable(
    [
      { title: 'pipeline', align: 'left' },
      { title: 'connector', align: 'left' },
      { title: 'tables', align: 'left' },
      { title: 'incremental', align: 'left' },
    ],
    pipelines.map((pipeline) => [
      pipeline.id,
      escapeLine(pipeline.source.connector),
      tableNames(pipeline),
      pipeline.incremental ?? '',
    ]),
    output.out.isTerminal ? output.out.columns : undefined,
  );
  for (const line of lines) output.out.line(line);
}

function tableNames({ tables }: Pipeline): string {
  return tables?.map((table) => table.name ?? table.source).join(', ') ?? "the source's own";
}

export interface PipelineDescribeFlags {
  readonly project?: string;
  readonly json: boolean;
}

/** Throws `usage.unknown_name`. */
export async function describePipeline(
  { services, output }: Call,
  flags: PipelineDescribeFlags,
  id: string,
): Promise<undefined> {
  const pipelines = await withProject(services, flags.project, async ({ manifest }) => manifest.pipelines);
  const pipeline =
    pipelines.find((candidate) => candidate.id === id) ??
    unknownPipeline(
      id,
      pipelines.map((candidate) => candidate.id),
    );
  if (flags.json) output.out.line(jsonDocument(pipeline));
  else printPipeline(pipeline, output.out);
}

function printPipeline(pipeline: Pipeline, channel: Channel): void {
  channel.line(paint(channel, 'bold', pipeline.id));
  const fact = (title: string, value: string): void =>
    channel.line(`  ${title.padEnd(12)} ${escapeLine(value)}`);
  fact('connector', pipeline.source.connector);
  fact('config', JSON.stringify(pipeline.source.config));
  fact('secrets', pipeline.secrets.join(', ') || 'none');
  if (pipeline.allowHosts.length > 0) fact('allow hosts', pipeline.allowHosts.join(', '));
  fact('incremental', pipeline.incremental ?? "the source's own");
  fact('lookback', pipeline.lookbackMs === undefined ? 'none' : formatDuration(pipeline.lookbackMs));
  if (pipeline.schedule !== undefined) fact('schedule', scheduleFact(pipeline.schedule));
  if (pipeline.inferenceZones !== undefined) fact('inference', zonesText(pipeline.inferenceZones));
  if (pipeline.tables === undefined) fact('tables', "the source's own");
  for (const table of pipeline.tables ?? []) {
    fact('table', `${table.source} -> ${table.name ?? 'the default name'}`);
    for (const line of tableFacts(table)) fact('', line);
  }
}

function tableFacts(table: Table): readonly string[] {
  return [
    `key ${table.primaryKey?.join(', ') ?? "the source's own"}, mode ${table.mode ?? 'by its key'}`,
    `on_conflict ${table.onConflict}, unknown_columns ${table.unknownColumns}`,
    `commit every ${formatCount(table.commitEveryRows)} rows, records up to ${formatBytes(table.maxRecordBytes)}`,
    ...table.columns.map(
      (column) =>
        `column ${column.name}${column.type === undefined ? '' : ` ${typeName(column.type)}`}${column.inferenceZones === undefined ? '' : ` (inference ${zonesText(column.inferenceZones)})`}${column.agentHint === undefined ? '' : `: ${column.agentHint}`}`,
    ),
    ...(table.inferenceZones === undefined ? [] : [`inference ${zonesText(table.inferenceZones)}`]),
    ...table.indexes.map(
      (index) =>
        `index ${index.name}: ${index.kind} of ${index.columns.join(', ')}, ${index.kind === 'fts' ? index.analyzer : `${index.model} with ${index.dims} numbers`}`,
    ),
  ];
}

function scheduleFact(schedule: Schedule): string {
  const when = scheduleText(schedule);
  return schedule.jitterMs === 0 ? when : `${when}, later by up to ${formatDuration(schedule.jitterMs)}`;
}

function zonesText(zones: ZoneTag): string {
  return `in ${zones.join(' or ')}`;
}
