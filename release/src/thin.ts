import { readFileSync, writeFileSync } from 'node:fs';

/** What macOS calls processors in its files (mach/machine.h). */
export const MACH_CPU = { x64: 0x0100_0007, arm64: 0x0100_000c } as const;
export type MachCpu = (typeof MACH_CPU)[keyof typeof MACH_CPU];

const MAGIC = 0xcafe_babe;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 20;

/**
 * Keeps, of a file of macOS for several processors (mach-o/fat.h), the part for one. Each part is a whole file with a
 * signature of its own, which stays good. Other files stay as they are.
 */
export function keepOnly(cpu: MachCpu, file: string): void {
  const bytes = readFileSync(file);
  if (bytes.readUInt32BE(0) !== MAGIC) return;
  const entries = Array.from({ length: bytes.readUInt32BE(4) }, (_, i) => HEADER_BYTES + i * ENTRY_BYTES);
  const entry = entries.find((at) => bytes.readUInt32BE(at) === cpu);
  if (entry === undefined) throw new Error(`${file} has no part for the processor ${cpu.toString(16)}`);
  const offset = bytes.readUInt32BE(entry + 8);
  writeFileSync(file, bytes.subarray(offset, offset + bytes.readUInt32BE(entry + 12)));
}
