import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** Values to look for, by a name; each in every form in which it may stand somewhere. */
export type Planted = Readonly<Record<string, readonly (string | Uint8Array)[]>>;

/** Which values are where, as `<name> in <file>`, sorted: raw bytes, columns and blocks decoded, pages that are free. */
export async function findValues(root: string, planted: Planted): Promise<string[]> {
  const found = new Set<string>();
  const names = readdirSync(root, { recursive: true, withFileTypes: true });
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name);
    const shown = path.slice(root.length + 1);
    const texts = [shown];
    const bytes: Uint8Array[] = [];
    if (entry.isFile()) {
      bytes.push(readFileSync(path));
      if (path.endsWith('.parquet')) texts.push(await parquetText(path));
      if (path.endsWith('.sqlite') && path.includes('/rows/')) texts.push(...sidecarTexts(path));
    }
    for (const [name, forms] of Object.entries(planted)) {
      const isThere = forms.some((form) =>
        typeof form === 'string'
          ? texts.some((text) => text.includes(form)) || bytes.some((raw) => includes(raw, form))
          : bytes.some((raw) => includes(raw, form)),
      );
      if (isThere) found.add(`${name} in ${shown}`);
    }
  }
  return [...found].sort();
}

function includes(raw: Uint8Array, form: string | Uint8Array): boolean {
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).includes(form);
}

async function parquetText(path: string): Promise<string> {
  const file = await asyncBufferFromFile(path);
  return JSON.stringify(await parquetReadObjects({ file, compressors }), (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  });
}

function sidecarTexts(path: string): string[] {
  const db = new DatabaseSync(path);
  try {
    const rows = db
      .prepare(
        `SELECT blocks.data AS block, dictionaries.data AS dictionary FROM blocks
         JOIN layouts ON layouts.id = blocks.layout JOIN dictionaries ON dictionaries.id = layouts.dictionary`,
      )
      .all() as { readonly block: Uint8Array; readonly dictionary: Uint8Array }[];
    return rows.map(({ block, dictionary }) =>
      zstdDecompressSync(block, dictionary.length > 0 ? { dictionary } : {}).toString(),
    );
  } finally {
    db.close();
  }
}
