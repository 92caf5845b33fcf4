import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** The lines of a file, without their newlines. */
async function* readLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    for (let end = bytes.indexOf(10, start); end >= 0; end = bytes.indexOf(10, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield rest;
}

/** Copies a file without some of its lines, and returns those. */
export async function dropLines(
  from: string,
  to: string,
  lines: ReadonlySet<number>,
): Promise<ReadonlyMap<number, Buffer>> {
  const dropped = new Map<number, Buffer>();
  const out = createWriteStream(to);
  let number = 0;
  for await (const line of readLines(from)) {
    if (lines.has(number)) dropped.set(number, Buffer.from(line));
    else if (!out.write(Buffer.concat([line, Buffer.from('\n')]))) await once(out, 'drain');
    number++;
  }
  out.end();
  await once(out, 'close');
  return dropped;
}

/** Numbers of the lines that are not JSON objects. */
export async function malformedLines(path: string): Promise<readonly number[]> {
  const malformed: number[] = [];
  let number = 0;
  for await (const line of readLines(path)) {
    if (!isJsonObject(line)) malformed.push(number);
    number++;
  }
  return malformed;
}

function isJsonObject(line: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Where each line starts, and last where the file ends. */
export async function lineOffsets(path: string): Promise<readonly number[]> {
  const offsets = [0];
  for await (const line of readLines(path)) offsets.push((offsets.at(-1) ?? 0) + line.length + 1);
  return offsets;
}

/** Copies the bytes of a file from one offset up to another. */
export async function copyBytes(from: string, to: string, start: number, end: number): Promise<void> {
  if (end > start) await pipeline(createReadStream(from, { start, end: end - 1 }), createWriteStream(to));
  else await writeFile(to, '');
}
