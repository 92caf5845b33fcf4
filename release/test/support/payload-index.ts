import { sha256 } from '../../src/payload.ts';

const TRAILER_BYTES = 64;

/** The program cut where its index begins, the index, and the trailer. */
function parts(program: Buffer): readonly [Buffer, string, Buffer] {
  const trailer = program.length - TRAILER_BYTES;
  const index = Number(program.readBigUInt64LE(trailer + 16));
  return [
    program.subarray(0, index),
    program.toString('latin1', index, trailer),
    Buffer.from(program.subarray(trailer)),
  ];
}

/** What the index of a program says of its files, in its order. */
export function payloadIndex(program: Buffer): readonly { readonly name: string; readonly offset: number }[] {
  const [, index] = parts(program);
  return index
    .split('\n')
    .slice(1, -1)
    .map((line) => line.split(' '))
    .map((fields) => ({ name: fields[5] ?? '', offset: Number(fields[3]) }));
}

/** The same program with another index, to which the trailer fits. */
export function withIndex(program: Buffer, edit: (index: string) => string): Buffer {
  const [before, index, trailer] = parts(program);
  const edited = Buffer.from(edit(index));
  trailer.writeBigUInt64LE(BigInt(before.length + edited.length + TRAILER_BYTES), 8);
  trailer.writeBigUInt64LE(BigInt(edited.length), 24);
  trailer.write(sha256(edited), 32, 'hex');
  return Buffer.concat([before, edited, trailer]);
}
