/**
 * `npm run generate` writes the parts of the guide that the code knows best, between their markers, and the published
 * JSON Schema of the manifest. `npm run generate -- --check` changes nothing and fails when a file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishedSchema } from '../packages/cli/src/published-schema.ts';
import { commandHelp } from './generate/command-help.ts';
import { errorTables, exitCodes } from './generate/error-table.ts';
import { configTables, type Schema } from './generate/key-tables.ts';
import { manifestKeys } from './generate/manifest-keys.ts';

const root = join(import.meta.dirname, '..');

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly content: string;
}

/** Every file with generated parts, as it should be. */
export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  const schema: Schema & { readonly $defs?: Readonly<Record<string, Schema>> } = publishedSchema();
  const config = (connector: string): string => configTables(schema.$defs?.[`config-${connector}`] ?? {});
  return [
    { path: 'docs/manifest.schema.json', content: `${JSON.stringify(schema, null, 2)}\n` },
    page('docs/manifest.md', { keys: manifestKeys(schema) }),
    page('docs/sources/http.md', { config: config('http') }),
    page('docs/sources/github.md', { config: config('github') }),
    page('docs/sources/file.md', { config: config('file') }),
    page('docs/errors.md', { exits: exitCodes(), errors: errorTables() }),
    page('docs/cli.md', { help: await commandHelp() }),
  ];
}

/** A page with the text between `<!-- generated: NAME -->` and `<!-- end: NAME -->` made new. */
function page(path: string, parts: Readonly<Record<string, string>>): GeneratedFile {
  let content = readFileSync(join(root, path), 'utf8');
  for (const [name, text] of Object.entries(parts)) {
    const [start, end] = [`<!-- generated: ${name} -->`, `<!-- end: ${name} -->`];
    const from = content.indexOf(start);
    const to = content.indexOf(end);
    if (from < 0 || to < from) throw new Error(`${path} has no place for ${name}: ${start} ... ${end}`);
    content = `${content.slice(0, from + start.length)}\n\n${text}\n\n${content.slice(to)}`;
  }
  return { path, content };
}

if (import.meta.main) {
  const stale = (await generatedFiles()).filter(({ path, content }) => readOr(path) !== content);
  if (process.argv.includes('--check')) {
    for (const { path } of stale) process.stderr.write(`${path} is stale: npm run generate\n`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const { path, content } of stale) {
      writeFileSync(join(root, path), content);
      console.log(path);
    }
  }
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
