/** The part of JSON Schema that zod writes. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

export interface KeyTableOptions {
  /** Default of a key whose schema has none, as TOML. */
  readonly defaults?: Readonly<Record<string, string>>;
  /** A line of TOML for each key; given, there is a column of them, and each key must have one. */
  readonly examples?: Readonly<Record<string, string>>;
}

/** The keys of a table as a Markdown table, in the schema's order. */
export function keyTable(schema: Schema, { defaults = {}, examples }: KeyTableOptions = {}): string {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const preset = value.default === undefined ? defaults[key] : JSON.stringify(value.default);
    const isRequired = required.has(key) && value.default === undefined;
    const example = examples?.[key];
    if (examples !== undefined && example === undefined) throw new Error(`there is no example of ${key}`);
    return [
      `\`${key}\``,
      typeText(value),
      isRequired
        ? 'required'
        : preset === undefined || preset === '{}' || preset === '[]'
          ? ''
          : `\`${preset}\``,
      value.description ?? '',
      ...(example === undefined ? [] : [`\`${example}\``]),
    ];
  });
  const titles = ['key', 'type', 'default', 'meaning', ...(examples === undefined ? [] : ['example'])];
  return [titles, titles.map(() => '---'), ...rows].map(tableRow).join('\n');
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** What a key takes, in words; texts in quotes are to be written as they stand. */
function typeText(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ');
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) return [...new Set(union.map(typeText))].join(' or ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeText({ type })).join(' or ');
  switch (schema.type) {
    case 'string':
      return 'text';
    case 'integer':
      return 'whole number';
    case 'array':
      return `list of ${plural(typeText(schema.items ?? {}))}`;
    case 'object':
      return typeof schema.additionalProperties === 'object' && schema.additionalProperties.type !== undefined
        ? `table of ${plural(typeText(schema.additionalProperties))}`
        : 'table';
    default:
      return typeof schema.type === 'string' ? schema.type : 'anything';
  }
}

function plural(type: string): string {
  return type === 'text' ? 'texts' : type.endsWith('table') ? `${type}s` : type;
}

/** A configuration with a table for it and for each table within: `resources`, `resources.pagination` and so on. */
export function configTables(schema: Schema, path = ''): string {
  const own =
    `${path === '' ? '' : `**\`${path}\`** `}${path === '' ? '' : `${schema.description ?? ''}`}`.trim();
  const blocks = [own, keyTable(schema)].filter((block) => block !== '');
  for (const [key, value] of Object.entries(schema.properties ?? {})) {
    const inner = path === '' ? key : `${path}.${key}`;
    const table = value.items ?? value;
    const variants = table.oneOf ?? table.anyOf;
    if (variants?.every((variant) => variant.properties !== undefined)) {
      for (const variant of variants) blocks.push(variantTable(variant, inner));
    } else if (table.properties !== undefined) {
      const description = table.description ?? value.description;
      blocks.push(configTables(description === undefined ? table : { ...table, description }, inner));
    }
  }
  return blocks.join('\n\n');
}

/** One of several forms of a table, told apart by `type`. */
function variantTable(schema: Schema, path: string): string {
  const { type, ...properties } = schema.properties ?? {};
  const title = `**\`${path}\`, \`type = ${JSON.stringify(type?.const)}\`**`;
  if (Object.keys(properties).length === 0) return `${title} takes nothing more.`;
  return `${title}\n\n${keyTable({ ...schema, properties })}`;
}
