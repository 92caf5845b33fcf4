/**
 * Whether what a command printed is what the page shows. In the page a line `...` stands for any lines, `...` in a
 * line for any text. How far columns are apart does not count: it changes with the width of times and sizes.
 */
export function matchesOutput(expected: string, actual: string): boolean {
  const lines = normalise(expected).split('\n');
  const pattern = lines.map((line) => {
    if (line === '...') return '(?:.*\\n)*?';
    return `${line.split('...').map(RegExp.escape).join('.*')}\\n`;
  });
  const text = normalise(actual);
  return new RegExp(`^${pattern.join('')}$`).test(
    text === '' && normalise(expected) === '' ? '\n' : `${text}\n`,
  );
}

export function normalise(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) =>
      line
        .replace(/[ \t]+/g, ' ')
        .replace(/-{3,}/g, '---')
        .trimEnd(),
    )
    .join('\n')
    .replace(/\n+$/, '');
}
