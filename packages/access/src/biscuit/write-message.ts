/** A field of a message: a number, bytes, or none. */
export type Part = readonly [field: number, value: number | Uint8Array | undefined];

/** Protobuf in its canonical form. @param parts in ascending order of their fields */
export function writeMessage(parts: readonly Part[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [field, value] of parts) {
    if (value === undefined) continue;
    if (typeof value === 'number') pieces.push(varint(field * 8), varint(value));
    else pieces.push(varint(field * 8 + 2), varint(value.length), value);
  }
  return Buffer.concat(pieces);
}

export const textBytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
