import type { TextTest } from './ast.ts';

export function matchesText(test: TextTest, argument: string): (text: string) => boolean {
  switch (test) {
    case 'starts_with':
      return (text) => text.startsWith(argument);
    case 'ends_with':
      return (text) => text.endsWith(argument);
    case 'contains':
      return (text) => text.includes(argument);
  }
}

const ANY_RUN = -1;
const ANY_ONE = -2;

/** SQL's LIKE: `%` stands for any run, `_` for one code point. Without an escape sign there is no escape character. */
export function matchesLike(
  pattern: string,
  escapeSign: string | undefined,
  ignoreCase: boolean,
): (text: string) => boolean {
  const parts = likeParts(ignoreCase ? lowerCase(pattern) : pattern, escapeSign);
  return (text) => matchParts(parts, codePoints(ignoreCase ? lowerCase(text) : text));
}

function likeParts(pattern: string, escapeSign: string | undefined): readonly number[] {
  const parts: number[] = [];
  let escaped = false;
  for (const character of pattern) {
    if (!escaped && character === escapeSign) {
      escaped = true;
      continue;
    }
    const isRun = !escaped && character === '%';
    const isOne = !escaped && character === '_';
    parts.push(isRun ? ANY_RUN : isOne ? ANY_ONE : (character.codePointAt(0) as number));
    escaped = false;
  }
  return parts;
}

/** Goes back only to the last run seen: at worst pattern times text, never exponential. */
function matchParts(parts: readonly number[], text: readonly number[]): boolean {
  let part = 0;
  let at = 0;
  let lastRun = -1;
  let resumeAt = 0;
  while (at < text.length) {
    if (parts[part] === ANY_RUN) {
      lastRun = part++;
      resumeAt = at;
    } else if (part < parts.length && (parts[part] === ANY_ONE || parts[part] === text[at])) {
      part++;
      at++;
    } else if (lastRun >= 0) {
      part = lastRun + 1;
      at = ++resumeAt;
    } else {
      return false;
    }
  }
  while (parts[part] === ANY_RUN) part++;
  return part === parts.length;
}

function codePoints(text: string): readonly number[] {
  const points: number[] = [];
  for (const character of text) points.push(character.codePointAt(0) as number);
  return points;
}

/** Capitals that Unicode got after the tables of the engine (its version 1.5) were made: it leaves them as they are. */
const TOO_NEW = /[\u1c89\ua7cb\ua7cc\ua7ce\ua7d2\ua7d4\ua7da\ua7dc\u{10d50}-\u{10d65}\u{16ea0}-\u{16eb8}]/u;

/**
 * Lower case one code point at a time, as the engine does: JavaScript's own turns a final sigma by its place in
 * the word, and a dotted capital I into two code points.
 */
export function lowerCase(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII
  if (/^[\u0000-\u007f]*$/.test(text)) return text.toLowerCase();
  let lower = '';
  for (const character of text) lower += lowerCodePoint(character);
  return lower;
}

function lowerCodePoint(character: string): string {
  if (character === '\u0130') return 'i';
  return TOO_NEW.test(character) ? character : character.toLowerCase();
}
