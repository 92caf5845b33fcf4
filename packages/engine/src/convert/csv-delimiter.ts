import { open } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

const CANDIDATES = [',', ';', '\t', '|'] as const;
const HEAD_BYTES = 64 * 1024;

/** The candidate that stands most often outside quotes in the header line; a comma when none does. */
export async function csvDelimiter(path: string): Promise<string> {
  const header = (await head(path)).split(/\r?\n/, 1)[0] ?? '';
  const bare = header.replace(/"(?:[^"]|"")*"/g, '');
  const counted = CANDIDATES.map((candidate) => ({ candidate, count: bare.split(candidate).length - 1 }));
  const best = counted.reduce((a, b) => (b.count > a.count ? b : a));
  return best.count > 0 ? best.candidate : ',';
}

async function head(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const bytes = buffer.subarray(0, bytesRead);
    // A cut gzip stream still gives what it holds so far.
    const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { finishFlush: 2 }) : bytes;
    return text.toString('utf8').replace(/^\uFEFF/, '');
  } finally {
    await file.close();
  }
}
