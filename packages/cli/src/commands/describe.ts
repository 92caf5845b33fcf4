import type { Grant, IndexDescription, Serve, TableDescription } from '@hakiri/core';
import { commandGrant } from '../command-grant.ts';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount, formatSpan, plural } from '../format/units.ts';
import { withKnownTables } from '../known-tables.ts';
import type { Channel } from '../output.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
import { withProject } from '../with-project.ts';

export interface DescribeFlags {
  readonly project?: string;
  readonly asOwner: boolean;
  readonly json: boolean;
}

/** One table as one document; without a name, all of them. Throws `query.unknown_table`. */
export async function describe(
  { services, output }: Call,
  flags: DescribeFlags,
  name?: string,
): Promise<undefined> {
  const descriptions = await withProject(services, flags.project, async (project) => {
    const grant = await commandGrant(services, project, flags);
    return describeTables(await project.serve(), name, grant);
  });
  if (flags.json) {
    output.out.line(jsonDocument(name === undefined ? { tables: descriptions } : descriptions[0]));
    return;
  }
  if (descriptions.length === 0) output.err.line('There is no table yet. `hakiri run` fills the store.');
  for (const [i, description] of descriptions.entries()) {
    if (i > 0) output.out.line('');
    printDescription(description, output.out);
  }
}

async function describeTables(
  serve: Serve,
  name: string | undefined,
  grant: Grant,
): Promise<readonly TableDescription[]> {
  if (name !== undefined)
    return [await withKnownTables(serve, grant, [name], () => serve.describe(name, grant))];
  const descriptions: TableDescription[] = [];
  for (const table of await serve.tables(grant)) descriptions.push(await serve.describe(table.name, grant));
  return descriptions;
}

function printDescription(table: TableDescription, channel: Channel): void {
  channel.line(paint(channel, 'bold', table.name));
  if (table.description !== undefined) channel.line(escapeLine(table.description));
  for (const [title, value] of facts(table)) channel.line(`  ${title.padEnd(12)} ${escapeLine(value)}`);
  channel.line('');
  const columns = textTable(
    [
      { title: 'column', align: 'left' },
      { title: 'type', align: 'left' },
      { title: 'key', align: 'left' },
      { title: 'hint', align: 'left' },
    ],
    table.columns.map((column) => [
      escapeLine(column.name),
      escapeLine(column.type),
      column.key ? 'key' : '',
      escapeLine(column.hint ?? ''),
    ]),
    channel.isTerminal ? channel.columns : undefined,
  );
  for (const line of columns.lines) channel.line(line);
  printHistory(table, channel);
}

function facts(table: TableDescription): readonly (readonly [string, string])[] {
  const { runsBeside, smallWrites, quarantined } = table;
  return [
    ['rows', rowsText(table)],
    ['mode', table.mode],
    ['key', table.primaryKey.join(', ') || 'none'],
    ['incremental', table.incremental ?? 'no'],
    ...(table.subjectColumns.length > 0 ? [['subjects', table.subjectColumns.join(', ')] as const] : []),
    ['pipelines', table.pipelines.join(', ') || 'none'],
    ['last commit', table.lastCommit ?? 'never'],
    ...(runsBeside === undefined || smallWrites === undefined
      ? []
      : [
          ['snapshot', snapshotText(table)] as const,
          ['beside it', `${plural(runsBeside, 'run')}, ${plural(smallWrites, 'small write')}`] as const,
        ]),
    ['past', pastText(table)],
    ...table.indexes.map((index) => ['index', indexText(index)] as const),
    ...(quarantined ? [['quarantined', plural(quarantined, 'row')] as const] : []),
  ];
}

/** Of a table that is not seen whole, less is told. */
function rowsText({ rows, storedRows, parts, bytes }: TableDescription): string {
  const seen = rows === undefined ? 'not counted' : formatCount(rows);
  if (storedRows === undefined || parts === undefined || bytes === undefined) return seen;
  return `${seen} (${formatCount(storedRows)} stored in ${plural(parts, 'part')}, ${formatBytes(bytes)})`;
}

function snapshotText({ snapshot }: TableDescription): string {
  if (snapshot === undefined) return 'none yet';
  const { rows, tombstones, partitions, partitionedBy, createdAt } = snapshot;
  const cut = partitionedBy === undefined ? '' : ` in ${plural(partitions, 'partition')} by ${partitionedBy}`;
  const deletes = tombstones === 0 ? '' : `, ${plural(tombstones, 'tombstone')} among them`;
  return `${plural(rows, 'row')}${cut}${deletes}, made ${createdAt}`;
}

function indexText({
  name,
  kind,
  columns,
  analyzer,
  model,
  modelKind,
  rowsBehind,
}: IndexDescription): string {
  const how =
    kind === 'fts' ? `words, ${analyzer ?? 'english'}` : `vectors of ${model ?? ''}, ${modelKind ?? ''}`;
  const behind = !rowsBehind ? '' : `, ${plural(rowsBehind, 'row')} behind`;
  return `${name}: ${columns.join(', ')} (${how})${behind}`;
}

function pastText({ past, retentionMs, tombstoneRetentionMs }: TableDescription): string {
  const kept =
    past === undefined ? '' : `${plural(past.runs, 'run')} and ${plural(past.snapshots, 'snapshot')}; `;
  return `${kept}superseded ones kept for ${formatSpan(retentionMs)}, deletes for ${formatSpan(tombstoneRetentionMs)}`;
}

function printHistory(table: TableDescription, channel: Channel): void {
  const changed = table.schemaHistory.filter((entry) => entry.changes.length > 0);
  if (changed.length === 0) return;
  channel.line('');
  channel.line('Schema history');
  for (const entry of changed) {
    channel.line(`  ${entry.since}  ${escapeLine(entry.changes.join('; '))}`);
  }
}
