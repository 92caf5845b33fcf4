/** Readers of lines take these two for ends of lines; JSON may write them as escapes. */
const LINE_SEPARATORS = /[\u2028\u2029]/g;

/** A message between parent and child: one line, whatever text is in it. */
export function protocolLine(message: unknown): string {
  const json = JSON.stringify(message).replace(LINE_SEPARATORS, (separator) =>
    separator === '\u2028' ? '\\u2028' : '\\u2029',
  );
  return `${json}\n`;
}
