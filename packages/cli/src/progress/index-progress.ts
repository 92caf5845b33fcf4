import type { IndexProgress } from '@hakiri/retrieval/indexes';
import { formatCount, plural } from '../format/units.ts';
import type { Channel } from '../output.ts';
import { escapeLine } from '../terminal/escape.ts';
import { createLiveLines } from './live-lines.ts';

/** Shows how indexes are built. */
export interface IndexProgressView {
  show(progress: IndexProgress): void;
  note(text: string): void;
  /** Takes what moves off the terminal. */
  end(): void;
}

const PLAIN_EVERY_MS = 5000;

/** On a terminal a line a table that is updated in place, elsewhere plain lines now and then, when quiet nothing. */
export function createIndexProgress(
  channel: Channel,
  { quiet }: { readonly quiet: boolean },
): IndexProgressView {
  if (quiet) return { show: () => {}, note: () => {}, end: () => {} };
  if (channel.isTerminal) {
    const lines = createLiveLines(channel);
    return {
      show: (progress) => lines.set(progress.table, text(progress)),
      note: (note) => lines.print(escapeLine(note)),
      end: () => lines.clear(),
    };
  }
  const shownMs = new Map<string, number>();
  return {
    show(progress) {
      const key = `${progress.table}\n${progress.step}`;
      const isLast = progress.done === progress.total;
      const nowMs = performance.now();
      if (!isLast && nowMs - (shownMs.get(key) ?? Number.NEGATIVE_INFINITY) < PLAIN_EVERY_MS) return;
      shownMs.set(key, nowMs);
      channel.line(text(progress));
    },
    note: (note) => channel.line(escapeLine(note)),
    end: () => {},
  };
}

function text({ table, step, done, total }: IndexProgress): string {
  switch (step) {
    case 'embedding':
      return `${table}: embedded ${plural(done, 'text')}`;
    case 'building':
      return `${table}: indexed ${formatCount(done)} of ${plural(total ?? done, 'row')}`;
    case 'graph':
      return `${table}: building the graph over ${plural(total ?? done, 'row')}`;
  }
}
