import { writeFileSync } from 'node:fs';
import { sessionMemoryBytes } from './instance.ts';

const LOOK_EVERY_MS = 25;
/** Of the process itself, and of what the engine takes without counting it. */
const BESIDE_BYTES = 512_000_000;

/**
 * Calls back when the process holds more than a query may make it hold. The engine's own limit does not count every
 * list and text it makes.
 * @returns ends the watch
 */
export function watchMemory(onTooMuch: () => void): () => void {
  const most = sessionMemoryBytes() + BESIDE_BYTES;
  const timer = setInterval(() => {
    if (process.memoryUsage.rss() <= most) return;
    clearInterval(timer);
    onTooMuch();
  }, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

/** Where the machine itself runs out of memory, this process is the one to go. */
export function volunteerForOutOfMemory(): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Not every container lets it; the limits above hold all the same.
  }
}
