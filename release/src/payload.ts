import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { CACHE } from './paths.ts';

/** One file of the payload. */
export interface PayloadFile {
  readonly name: string;
  readonly executable: boolean;
  readonly size: number;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
}

/** Files in one. */
export interface Packed {
  readonly bytes: Buffer;
  /** What each file takes of it. */
  readonly packedSizes: ReadonlyMap<string, number>;
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function describeFile(folder: string, name: string): PayloadFile {
  const path = join(folder, name);
  const bytes = readFileSync(path);
  const executable = (statSync(path).mode & 0o100) !== 0;
  return { name, executable, size: bytes.length, digest: sha256(bytes) };
}

const MAGIC = 'HAKIRIP1';
const TRAILER_BYTES = 64;

/**
 * Frames, index and trailer, as the launcher reads them; to be appended to a program of `launcherBytes`. `name` is that
 * of the folder it is unpacked to. The format: release/README.md.
 */
export async function packPayload(
  folder: string,
  name: string,
  files: readonly PayloadFile[],
  launcherBytes: number,
): Promise<Packed> {
  // The largest first: two processors are done sooner.
  const ordered = [...files].sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));
  const frames = await Promise.all(ordered.map((file) => compress(join(folder, file.name), file.digest)));
  let offset = launcherBytes;
  const lines = ordered.map((file, i) => {
    const size = frames[i]?.length ?? 0;
    const line = [file.digest, file.executable ? 'x' : '-', file.size, offset, size, file.name].join(' ');
    offset += size;
    return line;
  });
  const index = Buffer.from(`${[`hakiri-payload 1 ${name}`, ...lines].join('\n')}\n`);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.write(MAGIC, 0, 'latin1');
  trailer.writeBigUInt64LE(BigInt(offset + index.length + TRAILER_BYTES), 8);
  trailer.writeBigUInt64LE(BigInt(offset), 16);
  trailer.writeBigUInt64LE(BigInt(index.length), 24);
  trailer.write(sha256(index), 32, 'hex');
  return {
    bytes: Buffer.concat([...frames, index, trailer]),
    packedSizes: new Map(ordered.map((file, i) => [file.name, frames[i]?.length ?? 0])),
  };
}

const LEVEL = 19;
/** As far back as a repetition is looked for; whoever unpacks needs as much memory, for a moment. */
const WINDOW_LOG = 26;

/** Kept by hash: the runtime takes most of a build's time, and seldom changes. */
async function compress(path: string, digest: string): Promise<Buffer> {
  const kept = join(CACHE, `${digest}-${LEVEL}-${WINDOW_LOG}.zst`);
  if (existsSync(kept)) return readFileSync(kept);
  const bytes = readFileSync(path);
  const frame = await promisify(zstdCompress)(bytes, {
    pledgedSrcSize: bytes.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
    },
  });
  mkdirSync(CACHE, { recursive: true });
  // Another build may be reading.
  writeFileSync(`${kept}.${process.pid}`, frame);
  renameSync(`${kept}.${process.pid}`, kept);
  return frame;
}
