import { toHakiriError } from '@hakiri/core';
import { errorDocument } from '../report-error.ts';
import { escapeJson } from '../terminal/escape.ts';

/**
 * A document as the command prints it: keys in snake_case, as in the manifest and every other interface;
 * what is undefined is null, so that a key is always there; an error as code, message, hint and details.
 * Keys inside `config` and `details` are somebody else's names and stay as they are.
 */
export function jsonDocument(value: unknown): string {
  return escapeJson(JSON.stringify(toDocument(value), null, 2));
}

const VERBATIM = new Set(['config', 'details']);

function toDocument(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Error) return errorDocument(toHakiriError(value));
  if (Array.isArray(value)) return value.map(toDocument);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      snakeCase(key),
      VERBATIM.has(key) ? inner : toDocument(inner),
    ]),
  );
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
