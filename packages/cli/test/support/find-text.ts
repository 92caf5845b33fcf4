import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface Found {
  /** Relative to the folder. */
  readonly path: string;
  readonly needle: string;
}

const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);
const SQLITE = Buffer.from('SQLite format 3\0');
const PARQUET = Buffer.from('PAR1');
const MAX_NESTING = 3;

/**
 * Everything below a folder that holds one of the texts: in its name, as it lies there, and once it is decoded (Parquet,
 * cells of SQLite, zstd and gzip frames, base64, hex, escapes of JSON and of addresses).
 */
export async function findText(folder: string, needles: readonly string[]): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    const texts: Buffer[] = [Buffer.from(name)];
    if (entry.isFile()) texts.push(...(await contents(path)));
    for (const needle of textsIn(texts, needles)) found.push({ path: name, needle });
  }
  return found;
}

/** Which of the texts are in there, in any spelling. */
export function textsIn(contents: readonly Uint8Array[], needles: readonly string[]): readonly string[] {
  return needles.filter((needle) => contents.some((content) => holds(Buffer.from(content), needle)));
}

async function contents(path: string): Promise<Buffer[]> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    // It was there when the folder was listed.
    return [];
  }
  const layers = [bytes, ...framesIn(bytes)];
  if (bytes.subarray(0, 4).equals(PARQUET) && bytes.subarray(-4).equals(PARQUET)) {
    layers.push(await parquetText(path));
  }
  if (bytes.subarray(0, SQLITE.length).equals(SQLITE)) layers.push(...cellsOf(path));
  return layers;
}

/** What compressed frames hold, wherever they start. */
function framesIn(bytes: Buffer, nesting = 0): Buffer[] {
  if (nesting === MAX_NESTING) return [];
  const frames: Buffer[] = [];
  const unpack = (magic: Buffer, open: (frame: Uint8Array) => Buffer): void => {
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      try {
        const frame = open(bytes.subarray(at));
        frames.push(frame, ...framesIn(frame, nesting + 1));
      } catch {
        // Only looks like a frame.
      }
    }
  };
  unpack(ZSTD, (frame) => zstdDecompressSync(frame));
  unpack(GZIP, (frame) => gunzipSync(frame));
  return frames;
}

let engine: Promise<DuckDBConnection> | undefined;

async function parquetText(path: string): Promise<Buffer> {
  engine ??= DuckDBInstance.create(':memory:', { threads: '1' }).then((instance) => instance.connect());
  const sql = `SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet('${path.replaceAll("'", "''")}')`;
  const reader = await (await engine).runAndReadAll(sql);
  return Buffer.from(JSON.stringify(reader.getRowsJson()));
}

function cellsOf(path: string): Buffer[] {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return tables.flatMap(({ name }) =>
      database
        .prepare(`SELECT * FROM "${String(name)}"`)
        .all()
        .flatMap((row) => Object.values(row))
        .flatMap((cell) => {
          const bytes = cell instanceof Uint8Array ? Buffer.from(cell) : Buffer.from(String(cell));
          return [bytes, ...framesIn(bytes)];
        }),
    );
  } finally {
    database.close();
  }
}

function holds(bytes: Buffer, needle: string): boolean {
  return spellings(needle).some((spelling) => bytes.includes(spelling));
}

const spelled = new Map<string, readonly Buffer[]>();

function spellings(needle: string): readonly Buffer[] {
  const known = spelled.get(needle) ?? [
    Buffer.from(needle),
    Buffer.from(needle, 'utf16le'),
    Buffer.from(Buffer.from(needle).toString('hex')),
    Buffer.from(Buffer.from(needle).toString('hex').toUpperCase()),
    Buffer.from(
      [...needle].map((c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join(''),
    ),
    Buffer.from(encodeURIComponent(needle)),
    Buffer.from(Buffer.from(needle).reverse()),
    ...base64Cores(needle),
  ];
  spelled.set(needle, known);
  return known;
}

/** What base64 makes of it, wherever in a longer text it begins; the characters that its neighbours share left out. */
function base64Cores(needle: string): readonly Buffer[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(needle)])
      .toString('base64')
      .replace(/=+$/, '');
    const from = Math.ceil((before * 8) / 6);
    return Buffer.from(text.slice(from, -1));
  });
}
