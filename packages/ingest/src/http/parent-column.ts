import { HakiriError } from '@hakiri/core';
import { ndjsonLines } from '../toolkit/ndjson-lines.ts';
import { fieldPath, rawField, rawFieldText } from '../toolkit/top-level-field.ts';
import type { ParentLink, Resource } from './resource.ts';

/** The values one parent row gives to its child's requests and rows. */
export interface ParentValues {
  /** The child's path with its placeholders filled in. */
  readonly path: string;
  /** JSON text of the parent's key, as the child's rows carry it. */
  readonly rawKey: string;
}

const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Undefined when the parent row has no value there: it then has no children to ask for. */
export function parentValues(
  child: Resource,
  link: ParentLink,
  parent: Uint8Array,
): ParentValues | undefined {
  const rawKey = scalar(rawFieldText(parent, fieldPath(link.field)), link);
  if (rawKey === undefined) return undefined;
  let complete = true;
  const path = child.path.replace(PLACEHOLDER, (_match, name: string) => {
    const raw = name === link.param ? rawKey : scalar(rawFieldText(parent, fieldPath(name)), link);
    if (raw === undefined) complete = false;
    return encodeURIComponent(raw === undefined ? '' : clearText(raw));
  });
  return complete ? { path, rawKey } : undefined;
}

/** Puts the parent's key into the rows that do not have a field of that name already. */
export function withParentColumn(records: Uint8Array, column: string, rawKey: string): Uint8Array {
  const path = fieldPath(column);
  const member = Buffer.from(`${JSON.stringify(column)}:${rawKey}`);
  const pieces: Uint8Array[] = [];
  for (const record of ndjsonLines(records)) {
    const open = skipBlanks(record, 0);
    if (record[open] !== OPEN_BRACE || rawField(record, path) !== undefined) {
      pieces.push(record, NEWLINE);
      continue;
    }
    const isEmpty = record[skipBlanks(record, open + 1)] === CLOSE_BRACE;
    pieces.push(OPEN, member, isEmpty ? NOTHING : COMMA, record.subarray(open + 1), NEWLINE);
  }
  return Buffer.concat(pieces);
}

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN = Buffer.from('{');
const COMMA = Buffer.from(',');
const NEWLINE = Buffer.from('\n');
const NOTHING = Buffer.alloc(0);

function scalar(raw: string | undefined, link: ParentLink): string | undefined {
  if (raw !== undefined && /^[[{]/.test(raw)) {
    throw new HakiriError(
      'source.config',
      `\`parent.field\` of ${link.resource.name} must be text or a number, "${link.field}" is neither`,
    );
  }
  return raw;
}

function clearText(raw: string): string {
  return raw.startsWith('"') ? String(JSON.parse(raw)) : raw;
}

function skipBlanks(record: Uint8Array, from: number): number {
  let at = from;
  while (record[at] === 0x20 || record[at] === 0x09 || record[at] === 0x0d) at++;
  return at;
}
