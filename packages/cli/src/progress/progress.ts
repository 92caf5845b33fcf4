import type { Commit } from '@hakiri/core';
import type { RunEvent, TableRef } from '@hakiri/ingest';
import { formatCount, formatDuration, plural } from '../format/units.ts';
import type { Channel } from '../output.ts';
import { escapeLine } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
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
  return {
    show: (event) => {
      switch (event.kind) {
        case 'table-started':
          lines.set(keyOf(event.table), `${event.table.table}  starting`);
          return;
        case 'progress':
          lines.set(keyOf(event.table), `${event.table.table}  ${progressText(event)}`);
          return;
        case 'table-done':
          lines.remove(keyOf(event.report.ref));
          return;
        case 'waiting':
          lines.print(escapeLine(event.message));
          return;
        default:
          for (const text of noteworthy(event, channel)) lines.print(text);
      }
    },
    note: (text) => lines.print(text),
    end: () => lines.clear(),
  };
}

const PLAIN_EVERY_MS = 5000;

function plainProgress(channel: Channel): Progress {
  const lastShownMs = new Map<string, number>();
  return {
    show: (event) => {
      switch (event.kind) {
        case 'table-started':
          lastShownMs.set(keyOf(event.table), 0);
          channel.line(
            `${event.table.table}: ${event.firstRun ? 'first run' : 'going on from the last commit'}`,
          );
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
          for (const text of noteworthy(event, channel)) channel.line(text);
          return;
        case 'table-done':
          channel.line(
            `${event.report.ref.table}: ${event.report.state.replace('_', ' ')}, ` +
              `${plural(event.report.rows, 'row')} in ${formatDuration(event.report.elapsedMs)}`,
          );
          return;
        case 'waiting':
          channel.line(escapeLine(event.message));
          return;
        case 'warning':
          for (const text of noteworthy(event, channel)) channel.line(text);
      }
    },
    note: (text) => channel.line(text),
    end: () => {},
  };
}

/** What stays on the terminal after the run: rows set aside, schema changes, warnings. */
function noteworthy(
  event: Extract<RunEvent, { kind: 'committed' | 'warning' }>,
  channel: Channel,
): readonly string[] {
  const table = event.table.table;
  if (event.kind === 'warning') {
    return [`${paint(channel, 'yellow', `warning[${event.code}]`)}: ${table}: ${escapeLine(event.message)}`];
  }
  return [...quarantineText(event.commit, table, channel), ...schemaText(event.commit, table)];
}

function quarantineText(commit: Commit, table: string, channel: Channel): readonly string[] {
  if (commit.setAside === 0) return [];
  const where = commit.quarantine === undefined ? '' : `, with the reasons, in ${commit.quarantine}`;
  const text = `${table}: ${formatCount(commit.setAside)} ${commit.setAside === 1 ? 'row was' : 'rows were'} not taken and set aside${where}`;
  return [`${paint(channel, 'yellow', 'warning')}: ${escapeLine(text)}`];
}

function schemaText(commit: Commit, table: string): readonly string[] {
  return commit.schemaChanges.map((change) => `${table}: schema: ${escapeLine(change)}`);
}

function keyOf(ref: TableRef): string {
  return `${ref.pipeline}\n${ref.source}\n${ref.table}`;
}
