export interface LineSplitter {
  /** Takes what came in; `onLine` is called for each line that is complete. */
  push(chunk: Uint8Array): void;
}

export interface LineHandlers {
  onLine(line: string): void;
  /** Called once for a line over the limit, as soon as that is known; the rest of it is skipped. */
  onTooLong(): void;
}

const NEWLINE = 0x0a;

/** Cuts bytes into lines of UTF-8, and never holds more than `maxBytes` of one. Empty lines are left out. */
export function splitLines(maxBytes: number, { onLine, onTooLong }: LineHandlers): LineSplitter {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let skipping = false;

  const hold = (piece: Uint8Array): void => {
    if (skipping) return;
    heldBytes += piece.length;
    if (heldBytes > maxBytes) {
      held = [];
      skipping = true;
      onTooLong();
    } else if (piece.length > 0) held.push(piece);
  };
  const endLine = (): void => {
    const line = skipping ? '' : Buffer.concat(held).toString('utf8').trim();
    held = [];
    heldBytes = 0;
    skipping = false;
    if (line !== '') onLine(line);
  };

  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
        hold(chunk.subarray(start, end));
        endLine();
        start = end + 1;
      }
      if (start < chunk.length) hold(chunk.subarray(start));
    },
  };
}
