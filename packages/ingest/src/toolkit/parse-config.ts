import { HakiriError, nearest } from '@hakiri/core';
import { z } from 'zod';

/** Checks a source's configuration. Throws source.config naming the key, and the nearest one for a misspelling. */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  config: unknown,
  source: string,
): z.output<Schema> {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  // A misspelt key makes the right one look missing: the misspelling is what to tell.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!;
  const where = pathText(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const candidates = keysAt(schema, config, issue.path);
    const suggestion = nearest(key, candidates);
    throw new HakiriError('source.config', `${source}: there is no key "${pathText([...issue.path, key])}"`, {
      hint:
        suggestion === undefined ? `Known keys: ${candidates.join(', ')}.` : `Did you mean "${suggestion}"?`,
    });
  }
  throw new HakiriError(
    'source.config',
    `${source}: ${where === '' ? 'config' : `"${where}"`} ${isMissing(config, issue.path) ? 'is missing' : describe(issue)}`,
  );
}

function isMissing(config: unknown, path: readonly PropertyKey[]): boolean {
  const value = path.reduce<unknown>(
    (inner, key) => (inner as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key],
    config,
  );
  return value === undefined;
}

/** Never the value itself: a secret may have been pasted there. */
function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${article(issue.expected)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_union':
      return `does not have a form that is known${discriminatorOf(issue)}`;
    default:
      return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  }
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function discriminatorOf(issue: Extract<z.core.$ZodIssue, { code: 'invalid_union' }>): string {
  const { discriminator } = issue as { discriminator?: string };
  return discriminator === undefined ? '' : `: see "${discriminator}"`;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}

/** The keys an object at this path may have, as far as the schema tells. */
function keysAt(schema: z.core.$ZodType, value: unknown, path: readonly PropertyKey[]): readonly string[] {
  const inner = resolveSchema(schema, value);
  const [key, ...rest] = path;
  if (key === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  const next = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  if (inner instanceof z.ZodObject) {
    const field = inner.shape[String(key)];
    return field === undefined ? [] : keysAt(field, next, rest);
  }
  return inner instanceof z.ZodArray ? keysAt(inner.element, next, rest) : [];
}

/** The schema beneath optionals and defaults; of a union, the member whose literals fit the value. */
function resolveSchema(schema: z.core.$ZodType, value: unknown): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return resolveSchema(schema.unwrap(), value);
  }
  if (schema instanceof z.ZodPipe) return resolveSchema(schema.in, value);
  if (schema instanceof z.ZodUnion) {
    const member = schema.options.find(
      (option) => option instanceof z.ZodObject && literalsFit(option, value),
    );
    return member ?? schema;
  }
  return schema;
}

function literalsFit(schema: z.ZodObject, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(schema.shape).every(
    ([key, field]) =>
      !(field instanceof z.ZodLiteral) || field.values.has((value as Record<string, never>)[key] ?? null),
  );
}
