import { HakiriError, RESERVED_PREFIX } from '@hakiri/core';

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Calls that would give more than one value a row or column: the verbs `explode` and `unnest` are for that. */
const MULTIPLYING: readonly string[] = ['unnest', 'columns'];

const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{M}\p{N}_]*|--|\/\*|[\s\S]/gu;

/**
 * Refuses text that is not one SQL expression whatever the engine's parser would make of it, so that it can stand
 * between parentheses: nothing in it closes them, and nothing after it is taken for a comment or a text.
 * What the expression means and may call, the engine judges by its tree. Throws `transform.invalid`.
 */
export function checkExpression(expression: string, place: string): void {
  const refuse = (why: string): HakiriError =>
    new HakiriError('transform.invalid', `${place}: ${why}`, {
      hint: 'Write one SQL expression over the columns of the row.',
      details: { place },
    });
  if (expression.trim() === '') throw refuse('the expression is empty');
  const open: string[] = [];
  const tokens = (expression.match(TOKEN) ?? []).filter((token) => token.trim() !== '');
  tokens.forEach((token, i) => {
    const problem = tokenProblem(token, tokens[i - 1], tokens[i + 1]);
    if (problem !== undefined) throw refuse(problem);
    const closing = CLOSING[token];
    if (closing !== undefined) open.push(closing);
    else if (Object.values(CLOSING).includes(token) && open.pop() !== token) {
      throw refuse(`"${token}" closes nothing`);
    }
    if (token === ',' && open.length === 0) throw refuse('it is more than one expression');
  });
  if (open.length > 0) throw refuse(`"${open.at(-1)}" is missing`);
}

function tokenProblem(
  token: string,
  before: string | undefined,
  after: string | undefined,
): string | undefined {
  if (token === "'" || token === '"') return 'a quote is not closed';
  if (token === ';') return 'a semicolon ends no expression';
  if (token === '--' || token === '/*') return 'a comment is not allowed';
  if (token === '$') return 'parameters and dollar quotes are not allowed';
  if (token === '\0') return 'a NUL character is not allowed';
  if (token.startsWith("'") && before?.toLowerCase() === 'e') {
    return "texts with backslash escapes are not allowed: write '' for a quote";
  }
  const name = (token.startsWith('"') ? token.slice(1, -1) : token).toLowerCase();
  if (name.startsWith(RESERVED_PREFIX)) return `columns that start with ${RESERVED_PREFIX} are Hakiri's own`;
  if (after === '(' && MULTIPLYING.includes(name)) return `${name}() gives more than one value`;
  return undefined;
}
