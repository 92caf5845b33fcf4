import type * as z from 'zod';
import { nearest } from '../suggest.ts';
import { manifestSchema, type RawManifest } from './manifest-schema.ts';
import { placeAt } from './not-built.ts';
import { describePlace, type Problem, valueAt } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** The shape of one manifest file: typed, or everything wrong with it. */
export function checkShape(
  file: string,
  raw: unknown,
): { readonly shape: RawManifest } | { readonly problems: readonly Problem[] } {
  const parsed = manifestSchema.safeParse(raw);
  // Not the parser's copy: its keys come in the schema's order, and the order of transforms has a meaning.
  if (parsed.success) return { shape: raw as RawManifest };
  return {
    problems: parsed.error.issues
      .flatMap((issue) => flatten(issue, []))
      .flatMap((issue) => toProblems(file, raw, issue)),
  };
}

/** Of a union the branch that was meant: the one whose own type fits. */
function flatten(issue: Issue, base: readonly PropertyKey[]): Issue[] {
  const path = [...base, ...issue.path];
  if (issue.code !== 'invalid_union') return [{ ...issue, path }];
  if (issue.discriminator !== undefined) {
    return [{ code: 'custom', path, message: '"fts" for words or "vector" for meaning' }];
  }
  const meant = issue.errors.find((branch) => branch.every((inner) => !isWrongType(inner)));
  return meant === undefined
    ? [{ code: 'custom', path, message: 'the name of a table or a table such as { source = "issues" }' }]
    : meant.flatMap((inner) => flatten(inner, path));
}

function isWrongType(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === 'invalid_type';
}

function toProblems(file: string, raw: unknown, issue: Issue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(file, raw, issue.path, key));
  }
  const value = valueAt(raw, issue.path);
  const place = describePlace(issue.path, raw);
  const message =
    value === undefined
      ? `is missing: expected ${expected(issue)}`
      : `expected ${expected(issue)}, got ${got(value, issue.path)}`;
  return [{ code: 'manifest.wrong_type', file, place, message }];
}

function unknownKey(file: string, raw: unknown, path: readonly PropertyKey[], key: string): Problem {
  const where = placeAt(path, raw);
  const place = describePlace(path, raw);
  if (where?.notBuilt.includes(key)) return notBuilt(file, place, `"${key}"`);
  const meant = nearest(key, where?.keys ?? []);
  const question = meant === undefined ? '' : `; did you mean "${meant}"?`;
  return {
    code: 'manifest.unknown_key',
    file,
    place,
    message: `there is no key "${shorten(key)}" here${question}`,
    hint:
      meant === undefined
        ? `The keys here are ${where?.keys.join(', ') ?? 'named in docs/manifest.md'}.`
        : `Write "${meant}", or remove the key.`,
  };
}

function notBuilt(file: string, place: string, what: string): Problem {
  return { code: 'manifest.not_built', file, place, message: `${what} is not carried out by this build` };
}

/** The schema's own text says what a place takes; the rest is told from the issue. */
function expected(issue: Issue): string {
  if (issue.code === 'invalid_value') return issue.values.map((value) => `"${String(value)}"`).join(' or ');
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? 'another name';
  return issue.message;
}

const PRIVATE_PLACES = ['secrets', 'secret', 'source', 'endpoint'];

/** Never what may be a secret: a value put where its name belongs, or something of a source's configuration. */
function got(value: unknown, path: readonly PropertyKey[]): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return value === null ? 'null' : 'a table';
  if (typeof value !== 'string') return String(value);
  const mayBeSecret = PRIVATE_PLACES.some((place) => path.includes(place));
  return mayBeSecret ? 'another text' : `"${shorten(value)}"`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
