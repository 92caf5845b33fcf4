const TRAILER_BYTES = 64;

/** What the index of a program says of its files, in its order. */
export function payloadIndex(program: Buffer): readonly { readonly name: string; readonly offset: number }[] {
  const trailer = program.length - TRAILER_BYTES;
  const index = program.toString('latin1', Number(program.readBigUInt64LE(trailer + 16)), trailer);
  return index
    .split('\n')
    .slice(1, -1)
    .map((line) => line.split(' '))
    .map((fields) => ({ name: fields[5] ?? '', offset: Number(fields[3]) }));
}
