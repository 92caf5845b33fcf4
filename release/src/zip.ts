import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import type { Packed, PayloadFile } from './payload.ts';

/**
 * A zip (APPNOTE.TXT of PKWARE, without its 64-bit forms) with the files of `folder` in a folder called `name`: in the
 * order of their names, all at the first moment a zip can tell, so that the same files give the same zip.
 */
export async function zipFolder(
  folder: string,
  name: string,
  files: readonly PayloadFile[],
): Promise<Packed> {
  const ordered = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries = await Promise.all(ordered.map((file) => deflated(folder, name, file)));
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    directory.push(centralHeader(entry, offset), entry.path);
    offset += LOCAL_HEADER_BYTES + entry.path.length + entry.deflated.length;
  }
  const directoryBytes = directory.reduce((sum, { length }) => sum + length, 0);
  if (offset + directoryBytes > MOST_BYTES) throw new Error(`${name} is too large for a zip`);
  return {
    bytes: Buffer.concat([
      ...entries.flatMap((entry) => [localHeader(entry), entry.path, entry.deflated]),
      ...directory,
      endOfDirectory(entries.length, directoryBytes, offset),
    ]),
    packedSizes: new Map(ordered.map((file, i) => [file.name, entries[i]?.deflated.length ?? 0])),
  };
}

/** Sizes and offsets have 32 bits. */
const MOST_BYTES = 0xffff_fffe;
const LOCAL_HEADER_BYTES = 30;
const CENTRAL_HEADER_BYTES = 46;
const END_BYTES = 22;

interface Entry {
  readonly path: Buffer;
  readonly executable: boolean;
  readonly size: number;
  readonly checksum: number;
  readonly deflated: Buffer;
}

async function deflated(folder: string, name: string, file: PayloadFile): Promise<Entry> {
  const bytes = readFileSync(join(folder, file.name));
  return {
    path: Buffer.from(`${name}/${file.name}`, 'ascii'),
    executable: file.executable,
    size: bytes.length,
    checksum: crc32(bytes),
    deflated: await promisify(deflateRaw)(bytes, { level: constants.Z_BEST_COMPRESSION }),
  };
}

const VERSION_NEEDED = 20;
/** In the upper byte the system whose permissions the entries have. */
const MADE_BY_UNIX = (3 << 8) | VERSION_NEEDED;
const METHOD_DEFLATE = 8;
const FIRST_OF_JANUARY_1980 = (1 << 5) | 1;
const REGULAR_FILE = 0o100000;

/** From `at` on, what both headers of an entry say of it. */
function describeEntry(header: Buffer, at: number, { path, size, checksum, deflated }: Entry): void {
  header.writeUInt16LE(VERSION_NEEDED, at);
  header.writeUInt16LE(METHOD_DEFLATE, at + 4);
  header.writeUInt16LE(FIRST_OF_JANUARY_1980, at + 8);
  header.writeUInt32LE(checksum, at + 10);
  header.writeUInt32LE(deflated.length, at + 14);
  header.writeUInt32LE(size, at + 18);
  header.writeUInt16LE(path.length, at + 22);
}

function localHeader(entry: Entry): Buffer {
  const header = Buffer.alloc(LOCAL_HEADER_BYTES);
  header.write('PK\x03\x04', 0, 'latin1');
  describeEntry(header, 4, entry);
  return header;
}

function centralHeader(entry: Entry, offset: number): Buffer {
  const header = Buffer.alloc(CENTRAL_HEADER_BYTES);
  header.write('PK\x01\x02', 0, 'latin1');
  header.writeUInt16LE(MADE_BY_UNIX, 4);
  describeEntry(header, 6, entry);
  header.writeUInt16LE(REGULAR_FILE | (entry.executable ? 0o755 : 0o644), 40);
  header.writeUInt32LE(offset, 42);
  return header;
}

function endOfDirectory(count: number, directoryBytes: number, offset: number): Buffer {
  const end = Buffer.alloc(END_BYTES);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directoryBytes, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}
