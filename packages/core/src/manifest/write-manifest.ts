type Table = Readonly<Record<string, unknown>>;

/** A value longer than this on one line gets lines of its own. */
const LINE_WIDTH = 100;

/** Lists that read better as [[...]] however short they are. */
const ALWAYS_TABLES: readonly string[] = [
  'pipeline',
  'pipeline.tables',
  'pipeline.transforms',
  'transforms',
  'policy',
  'policy_test',
];

/** Here the order of the keys has a meaning, which sub-tables would not keep. */
const ALWAYS_INLINE: readonly string[] = ['pipeline.transforms', 'transforms'];

/** Parsed values of a manifest file as JSON text. */
export function toJson(raw: unknown): string {
  return `${JSON.stringify(raw, null, 2)}\n`;
}

/**
 * Parsed values of a manifest file (`parseManifestText`) as TOML: one [[pipeline]] each, short tables on one
 * line. Comments are not kept. Reading it again gives equal values, the order of transforms included.
 */
export function toToml(raw: unknown): string {
  return `${writeTable(raw as Table, []).trim()}\n`;
}

function writeTable(table: Table, path: readonly string[]): string {
  const lines: string[] = [];
  const blocks: string[] = [];
  for (const [key, value] of Object.entries(table)) {
    const inner = [...path, key];
    const inline = `${writeKey(key)} = ${writeValue(value)}`;
    if (isTableList(value) && wantsBlock(inner, inline)) {
      blocks.push(
        ...value.map((item) => `\n[[${inner.map(writeKey).join('.')}]]\n${writeTable(item, inner)}`),
      );
    } else if (isTable(value) && Object.keys(value).length > 0 && wantsBlock(inner, inline)) {
      blocks.push(`\n[${inner.map(writeKey).join('.')}]\n${writeTable(value, inner)}`);
    } else {
      lines.push(`${inline}\n`);
    }
  }
  return lines.join('') + blocks.join('');
}

function wantsBlock(path: readonly string[], inline: string): boolean {
  if (ALWAYS_INLINE.includes(path.slice(0, -1).join('.'))) return false;
  return inline.length > LINE_WIDTH || ALWAYS_TABLES.includes(path.join('.')) || path.join('.') === 'project';
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTableList(value: unknown): value is readonly Table[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable);
}

function writeValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeValue).join(', ')}]`;
  if (isTable(value)) {
    const entries = Object.entries(value).map(([key, item]) => `${writeKey(key)} = ${writeValue(item)}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  if (typeof value === 'number') return writeNumber(value);
  return typeof value === 'string' ? writeText(value) : String(value);
}

/** An integer of TOML has 64 bits, and readers in JavaScript take 53: past that it is written as a float. */
function writeNumber(value: number): string {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value);
}

function writeKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : writeText(key);
}

/** JSON's escapes are among TOML's, which also wants DEL escaped. */
function writeText(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}
