import { createReadStream } from 'node:fs';

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** `between`: a field begins. `bare`: inside one without quotes. `closed`: behind a quote that may have ended one. */
type State = 'between' | 'bare' | 'quoted' | 'closed';

/**
 * The line, from 1, of the quote that breaks a CSV file: one that is never closed, or one with text right behind
 * it. Undefined when the quotes are in order. The engine names no line for a file that is broken near its start.
 */
export async function csvBrokenQuote(path: string, delimiter: string): Promise<number | undefined> {
  const separator = delimiter.charCodeAt(0);
  let state: State = 'between';
  let line = 1;
  let openedAt = 1;
  for await (const chunk of createReadStream(path)) {
    for (const byte of chunk as Buffer) {
      const endsField = byte === separator || byte === LINE_FEED || byte === CARRIAGE_RETURN;
      if (state === 'quoted') {
        if (byte === QUOTE) state = 'closed';
      } else if (byte === QUOTE && state !== 'bare') {
        if (state === 'between') openedAt = line;
        state = 'quoted';
      } else if (endsField) state = 'between';
      else if (state === 'closed') return line;
      else state = 'bare';
      if (byte === LINE_FEED) line++;
    }
  }
  return state === 'quoted' ? openedAt : undefined;
}
