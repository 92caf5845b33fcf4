import { type ErrorCode, HakiriError } from '../errors.ts';

/** One thing wrong with a manifest. */
export interface Problem {
  readonly code: ErrorCode;
  readonly file: string;
  /** Such as `pipeline "x" > tables[0] > commit_every`; empty for the file as a whole. */
  readonly place: string;
  readonly message: string;
  readonly hint?: string;
}

const SHOWN = 5;

/** One error for all problems: the first gives the code and the hint, the message lists up to five. */
export function problemsError(problems: readonly [Problem, ...Problem[]]): HakiriError {
  const [first] = problems;
  const lines = problems.slice(0, SHOWN).map(describe);
  if (problems.length > SHOWN) lines.push(`and ${problems.length - SHOWN} more`);
  return new HakiriError(first.code, lines.join('\n'), {
    ...(first.hint === undefined ? {} : { hint: first.hint }),
    details: { file: first.file, place: first.place, problems: problems.length },
  });
}

function describe({ file, place, message }: Problem): string {
  return [file, place, message].filter((part) => part !== '').join(': ');
}

/** The way to a value, a pipeline shown by its id: `pipeline "x" > tables[0] > columns > email`. */
export function describePlace(path: readonly PropertyKey[], raw: unknown): string {
  const parts: string[] = [];
  path.forEach((part, i) => {
    if (typeof part !== 'number') {
      parts.push(String(part));
      return;
    }
    const id = i === 1 && path[0] === 'pipeline' ? valueAt(raw, ['pipeline', part, 'id']) : undefined;
    const last = parts.pop() ?? '';
    parts.push(typeof id === 'string' ? `${last} "${id.slice(0, 63)}"` : `${last}[${part}]`);
  });
  return parts.join(' > ');
}

export function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
