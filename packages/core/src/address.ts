import type { JsonValue } from './ports/serve.ts';

/** What a `hakiri://` address names. */
export type Address =
  | { readonly kind: 'table'; readonly project: string; readonly table: string }
  | {
      readonly kind: 'row';
      readonly project: string;
      readonly table: string;
      readonly key: readonly JsonValue[];
    }
  | { readonly kind: 'run'; readonly project: string; readonly run: string };

/** `hakiri://<project>/tables/<table>` */
export function tableAddress(project: string, table: string): string {
  return `hakiri://${encodeURIComponent(project)}/tables/${encodeURIComponent(table)}`;
}

/** `hakiri://<project>/tables/<table>/rows/<key>`, the key being a JSON array of the key columns' values. */
export function rowAddress(project: string, table: string, key: readonly JsonValue[]): string {
  return `${tableAddress(project, table)}/rows/${encodeURIComponent(JSON.stringify(key))}`;
}

/** `hakiri://<project>/runs/<run>` */
export function runAddress(project: string, run: string): string {
  return `hakiri://${encodeURIComponent(project)}/runs/${encodeURIComponent(run)}`;
}

/** Undefined for what is no address. Whether there is such a thing is another question. */
export function parseAddress(text: string): Address | undefined {
  const [scheme, empty, ...encoded] = text.split('/');
  if (scheme !== 'hakiri:' || empty !== '') return undefined;
  const parts = encoded.map(decode);
  if (parts.some((part) => part === undefined || part === '')) return undefined;
  const [project = '', kind, name = '', rows, key] = parts;
  if (kind === 'runs' && parts.length === 3) return { kind: 'run', project, run: name };
  if (kind !== 'tables') return undefined;
  if (parts.length === 3) return { kind: 'table', project, table: name };
  if (parts.length !== 5 || rows !== 'rows' || key === undefined) return undefined;
  const values = parseKey(key);
  return values === undefined ? undefined : { kind: 'row', project, table: name, key: values };
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

function parseKey(text: string): readonly JsonValue[] | undefined {
  try {
    const key: unknown = JSON.parse(text);
    return Array.isArray(key) && key.length > 0 ? key : undefined;
  } catch {
    return undefined;
  }
}
