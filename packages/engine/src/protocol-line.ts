import type { Readable } from 'node:stream';

/** A message between parent and child: one line, whatever text is in it, since JSON writes the end of a line as an escape. */
export function protocolLine(message: unknown): string {
  return `${JSON.stringify(message)}\n`;
}

const END_OF_LINE = 0x0a;

/** Calls back with the text of each line that comes. Nothing but a line feed ends one. */
export function onLines(input: Readable, onLine: (line: string) => void): void {
  /** What came of a line whose end has not. */
  let begun: Buffer[] = [];
  input.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(END_OF_LINE); end >= 0; end = chunk.indexOf(END_OF_LINE, from)) {
      const rest = chunk.subarray(from, end);
      const line = begun.length === 0 ? rest : Buffer.concat([...begun, rest]);
      begun = [];
      from = end + 1;
      onLine(line.toString());
    }
    if (from < chunk.length) begun.push(chunk.subarray(from));
  });
}
