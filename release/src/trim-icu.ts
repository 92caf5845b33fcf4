import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Takes the texts of languages other than English out of the runtime's ICU data (currencies, dates, sorting, names of
 * regions): 25 of its 31 MB. Normalisation, case, properties and scripts' break rules stay. What asks for a language
 * that is gone gets ICU's root, as it would with a runtime built with `--with-intl=small-icu`.
 *
 * The data is a package of items in the format `CmnD` of ICU's udata: a header; the number of items; for each the
 * offsets, from the number, of its name and its content, sorted by name; the names; the contents, padded to 16 bytes.
 */
export function trimIcu(file: string): void {
  const bytes = readFileSync(file);
  const start = findPackage(bytes);
  const table = start + bytes.readUInt16LE(start);
  const items = readItems(bytes, table);
  const end = table + (items.at(-1)?.to ?? 0);
  const kept = items.filter(({ name }) => isKept(name));
  // Nothing says where the last one ends, so that it could not be moved.
  if (items.at(-1) === kept.at(-1)) throw new Error('the last item of the ICU data would be kept');
  const trimmed = writeItems(kept);
  if (trimmed.length > end - table) throw new Error('the trimmed ICU data is larger than it was');
  trimmed.copy(bytes, table);
  // The file keeps its size and its addresses; zeros take no room in the payload.
  bytes.fill(0, table + trimmed.length, end);
  writeFileSync(file, bytes);
}

interface Item {
  /** With the package in front: `icudt78l/coll/de.res`. */
  readonly name: string;
  readonly content: Buffer;
  readonly to: number;
}

/** Bytes 2 and 3 of the header are ICU's magic; at 12 stands the data format. */
function findPackage(bytes: Buffer): number {
  const found: number[] = [];
  for (let at = bytes.indexOf('CmnD'); at !== -1; at = bytes.indexOf('CmnD', at + 1)) {
    const start = at - 12;
    if (bytes[start + 2] === 0xda && bytes[start + 3] === 0x27 && bytes.readUInt16LE(start) < 256)
      found.push(start);
  }
  const [start] = found;
  if (start === undefined || found.length > 1)
    throw new Error(`the runtime has ${found.length} ICU packages`);
  return start;
}

function readItems(bytes: Buffer, table: number): readonly Item[] {
  const count = bytes.readUInt32LE(table);
  const entry = (i: number) => ({
    nameAt: bytes.readUInt32LE(table + 4 + 8 * i),
    contentAt: bytes.readUInt32LE(table + 8 + 8 * i),
  });
  return Array.from({ length: count }, (_, i) => {
    const { nameAt, contentAt } = entry(i);
    const nameEnd = bytes.indexOf(0, table + nameAt);
    const name = bytes.toString('latin1', table + nameAt, nameEnd);
    const to = i + 1 < count ? entry(i + 1).contentAt : contentAt;
    return { name, content: bytes.subarray(table + contentAt, table + to), to };
  });
}

/** Names of languages have two or three letters; those of tables more. */
const LANGUAGE = /\/([a-z]{2,3})(_\w+)?\.res$/;

function isKept(name: string): boolean {
  const language = LANGUAGE.exec(name);
  if (name.includes('/brkitr/')) return true;
  return language === null || language[0] === '/en.res' || language[0] === '/en_US.res';
}

const ALIGNMENT_BYTES = 16;

function writeItems(items: readonly Item[]): Buffer {
  const table = Buffer.alloc(4 + 8 * items.length);
  const names = items.map(({ name }) => Buffer.from(`${name}\0`, 'latin1'));
  const namesBytes = names.reduce((sum, { length }) => sum + length, 0);
  const contentsAt = Math.ceil((table.length + namesBytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  table.writeUInt32LE(items.length, 0);
  let nameAt = table.length;
  let contentAt = contentsAt;
  items.forEach(({ content }, i) => {
    table.writeUInt32LE(nameAt, 4 + 8 * i);
    table.writeUInt32LE(contentAt, 8 + 8 * i);
    nameAt += names[i]?.length ?? 0;
    contentAt += content.length;
  });
  const padding = Buffer.alloc(contentsAt - nameAt);
  return Buffer.concat([table, ...names, padding, ...items.map(({ content }) => content)]);
}
