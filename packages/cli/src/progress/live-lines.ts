import type { Channel } from '../output.ts';
import { cutToWidth } from '../terminal/width.ts';

/** Lines at the bottom of a terminal that change in place, while what is printed scrolls above them. */
export interface LiveLines {
  set(key: string, text: string): void;
  remove(key: string): void;
  print(text: string): void;
  clear(): void;
}

const REDRAW_EVERY_MS = 100;

export function createLiveLines(channel: Channel): LiveLines {
  const lines = new Map<string, string>();
  let drawn = 0;
  let drawnAtMs = Number.NEGATIVE_INFINITY;

  const erase = (): string => (drawn === 0 ? '' : `\x1b[${drawn}A\r\x1b[0J`);
  const draw = (printed: string): void => {
    // A line that wraps or scrolls away cannot be found again: keep each on one row, and all on the screen.
    const shown = [...lines.values()].slice(0, Math.max(1, channel.rows - 2));
    const text = shown.map((line) => `${cutToWidth(line, Math.max(1, channel.columns - 1))}\n`).join('');
    channel.write(erase() + printed + text);
    drawn = shown.length;
    drawnAtMs = performance.now();
  };
  return {
    set: (key, text) => {
      const isNew = !lines.has(key);
      lines.set(key, text);
      if (isNew || performance.now() - drawnAtMs >= REDRAW_EVERY_MS) draw('');
    },
    remove: (key) => {
      if (lines.delete(key)) draw('');
    },
    print: (text) => draw(`${text}\n`),
    clear: () => {
      lines.clear();
      if (drawn > 0) draw('');
    },
  };
}
