/** Values whose encoded form is longer share `_mixed`: file systems take names of 255 bytes. */
const MAX_VALUE_BYTES = 120;
const MAX_COLUMN_BYTES = 120;

export const MIXED = '_mixed';
export const ARCHIVE = 'archive';

/**
 * Folder name of a value's partition, `<column>=<value>`; undefined for a value that is too long to be one. No
 * other value gives the same name, and none gives a path or a pattern.
 */
export function partitionLabel(column: string, value: string | null): string | undefined {
  const name = encode(column).slice(0, MAX_COLUMN_BYTES);
  if (value === null) return `${name}=_null`;
  const encoded = value === '_null' ? '%5Fnull' : encode(value);
  return encoded.length > MAX_VALUE_BYTES ? undefined : `${name}=${encoded}`;
}

/** The value that a label of `column` stands for; undefined for any other label. */
export function labelValue(column: string, label: string): string | null | undefined {
  const prefix = `${encode(column).slice(0, MAX_COLUMN_BYTES)}=`;
  if (!label.startsWith(prefix)) return undefined;
  const encoded = label.slice(prefix.length);
  return encoded === '_null' ? null : decodeURIComponent(encoded);
}

/** What `encodeURIComponent` leaves alone, but a shell, a glob or a quote would not. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
