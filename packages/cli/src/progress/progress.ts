import type { Commit } from '@hakiri/core';
import type { RunEvent, TableRef } from '@hakiri/ingest';
import { formatCount, formatDuration, plural } from '../format/units.ts';
import type { Channel } from '../output.ts';
import { escapeLine } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
import { cutToWidth } from '../terminal/width.ts';
import { createLiveLines } from './live-lines.ts';
import { progressText } from './progress-text.ts';

/** Shows how a run goes on. */
export interface Progress {
  show(event: RunEvent): void;
  note(text: string): void;
  /** Takes what moves off the terminal; nothing is shown afterwards. */
  end(): void;
}

/** On a terminal a line a table that is updated in place, elsewhere plain lines, when quiet nothing. */
export function createProgress(channel: Channel, options: { readonly quiet: boolean }): Progress {
  if (options.quiet) return { show: () => {}, note: () => {}, end: () => {} };
  return channel.isTerminal ? liveProgress(channel) : plainProgress(channel);
}

function liveProgress(channel: Channel): Progress {
  const lines = createLiveLines(channel);
  const notes = createNotes(channel);
  return {
    show: (event) => {
      for (const text of notes(event)) lines.print(text);
      switch (event.kind) {
        case 'table-started':
          lines.set(keyOf(event.table), `${event.table.table}  starting`);
          return;
        case 'progress':
          lines.set(keyOf(event.table), `${event.table.table}  ${progressText(event)}`);
          return;
        case 'table-done':
          lines.remove(keyOf(event.report.ref));
      }
    },
    note: (text) => lines.print(text),
    end: () => lines.clear(),
  };
}

const PLAIN_EVERY_MS = 5000;

function plainProgress(channel: Channel): Progress {
  const lastShownMs = new Map<string, number>();
  const notes = createNotes(channel);
  return {
    show: (event) => {
      for (const text of notes(event)) channel.line(text);
      switch (event.kind) {
        case 'table-started':
          lastShownMs.set(keyOf(event.table), 0);
          channel.line(`${event.table.table}: ${startOf(event)}`);
          return;
        case 'progress': {
          const key = keyOf(event.table);
          if (event.elapsedMs - (lastShownMs.get(key) ?? 0) < PLAIN_EVERY_MS) return;
          lastShownMs.set(key, event.elapsedMs);
          channel.line(`${event.table.table}: ${progressText(event)}`);
          return;
        }
        case 'committed':
          channel.line(`${event.table.table}: committed ${plural(event.commit.rows, 'row')}`);
          return;
        case 'table-done':
          channel.line(
            `${event.report.ref.table}: ${event.report.state.replace('_', ' ')}, ` +
              `${plural(event.report.rows, 'row')} in ${formatDuration(event.report.elapsedMs)}`,
          );
      }
    },
    note: (text) => channel.line(text),
    end: () => {},
  };
}

/** What stays on the terminal after the run: rows set aside, schema changes, warnings. */
function startOf({ firstRun, fromStart }: Extract<RunEvent, { kind: 'table-started' }>): string {
  if (firstRun) return 'first run';
  return fromStart === true ? 'reading the source from the start' : 'going on from the last commit';
}

function createNotes(channel: Channel): (event: RunEvent) => readonly string[] {
  const isNew = new Set<string>();
  return (event) => {
    switch (event.kind) {
      case 'table-started':
        if (event.firstRun) isNew.add(keyOf(event.table));
        return [];
      case 'warning': {
        const code = paint(channel, 'yellow', `warning[${event.code}]`);
        return [`${code}: ${event.table.table}: ${escapeLine(event.message)}`];
      }
      case 'note':
        return [escapeLine(event.message)];
      case 'committed': {
        // The columns that a new table starts with are no change.
        const changes = isNew.delete(keyOf(event.table)) ? [] : event.commit.schemaChanges;
        const { table } = event.table;
        return [...quarantineText(event.commit, table, channel), ...schemaText(changes, table)];
      }
      default:
        return [];
    }
  };
}

function quarantineText(commit: Commit, table: string, channel: Channel): readonly string[] {
  if (commit.setAside === 0) return [];
  const where = commit.quarantine === undefined ? '' : `, with the reasons, in ${commit.quarantine}`;
  const text = `${table}: ${formatCount(commit.setAside)} ${commit.setAside === 1 ? 'row was' : 'rows were'} not taken and set aside${where}`;
  return [`${paint(channel, 'yellow', 'warning')}: ${escapeLine(text)}`];
}

const MOST_CHANGES = 5;
const LONGEST_CHANGE = 160;

function schemaText(changes: readonly string[], table: string): readonly string[] {
  const shown = changes
    .slice(0, MOST_CHANGES)
    .map((change) => `${table}: schema: ${cutToWidth(escapeLine(change), LONGEST_CHANGE)}`);
  const more = changes.length - shown.length;
  return more === 0
    ? shown
    : [...shown, `${table}: schema: and ${plural(more, 'more change')}, see \`hakiri describe ${table}\``];
}

function keyOf(ref: TableRef): string {
  return `${ref.pipeline}\n${ref.source}\n${ref.table}`;
}
