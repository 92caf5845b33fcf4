import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { HakiriError } from '@hakiri/core';
import { readManifest } from '@hakiri/core/manifest';
import { jsonDocument } from '../format/json.ts';
import type { Channel } from '../output.ts';
import { MANIFEST_FILE, requireKnownFolder } from '../project-folder.ts';
import { projectNameFrom } from '../recipes/project-name.ts';
import { RECIPES, type Recipe, requireRecipe } from '../recipes/recipes.ts';
import { starterManifest } from '../recipes/starter.ts';
import type { Call } from '../services.ts';
import { unknownName } from '../unknown-name.ts';
import { writeFileAtomically } from '../write-file.ts';

export interface InitFlags {
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly name?: string;
  readonly list: boolean;
  readonly project?: string;
  readonly json: boolean;
}

/** Writes a manifest. Throws `manifest.exists` where there is one that is not the sample of the recipe. */
export async function init({ services, output }: Call, flags: InitFlags): Promise<undefined> {
  if (flags.list) return listRecipes(output.out, flags.json);
  const folder = resolve(services.cwd, flags.project ?? '.');
  requireKnownFolder(folder);
  const path = join(folder, MANIFEST_FILE);
  const recipe = flags.recipe === undefined ? undefined : requireRecipe(flags.recipe);
  const settings = parseSettings(flags.set ?? [], recipe);
  const existed = existsSync(path);
  const content = existed
    ? await turnedLive(path, recipe, settings)
    : newManifest(flags.name ?? projectNameFrom(basename(folder)), recipe, settings);
  if (!existed) readManifest([{ file: MANIFEST_FILE, text: content }]);
  await writeFileAtomically(path, content);

  if (flags.json) output.out.line(jsonDocument({ path, recipe: recipe?.name, changed: existed }));
  else output.err.line(existed ? `${path} now reads ${settingsText(settings)}.` : `Wrote ${path}.`);
  for (const line of nextSteps(folder, recipe, existed)) output.err.line(line);
}

function newManifest(
  project: string,
  recipe: Recipe | undefined,
  settings: ReadonlyMap<string, string>,
): string {
  return recipe === undefined ? starterManifest(project) : recipe.live(project, settings);
}

async function turnedLive(
  path: string,
  recipe: Recipe | undefined,
  settings: ReadonlyMap<string, string>,
): Promise<string> {
  const content = await recipe?.goLive(await readFile(path, 'utf8'), settings);
  if (content !== undefined) return content;
  throw new HakiriError('manifest.exists', `${path} exists already`, { details: { path } });
}

function parseSettings(entries: readonly string[], recipe: Recipe | undefined): ReadonlyMap<string, string> {
  if (recipe === undefined && entries.length > 0) {
    throw new HakiriError('usage.argument', '--set belongs to a recipe', {
      hint: 'Name the recipe: hakiri init --recipe NAME --set key=value. `hakiri init --list` lists them.',
    });
  }
  return new Map(entries.map((entry) => parseSetting(entry, recipe)));
}

function parseSetting(entry: string, recipe: Recipe | undefined): readonly [string, string] {
  const [, key, value] = /^([^=]+)=(.+)$/s.exec(entry) ?? [];
  if (key === undefined || value === undefined) {
    throw new HakiriError('usage.argument', `--set takes key=value, not "${entry}"`);
  }
  const known = recipe?.settings.map((setting) => setting.name) ?? [];
  if (!known.includes(key)) throw unknownName('setting', key, known, { code: 'usage.argument' });
  return [key, value];
}

function settingsText(settings: ReadonlyMap<string, string>): string {
  return [...settings.values()].join(', ');
}

function nextSteps(folder: string, recipe: Recipe | undefined, existed: boolean): readonly string[] {
  if (recipe === undefined) return ['Describe a pipeline in it, then: hakiri run'];
  const hasSampleRows = existed && existsSync(join(folder, '.hakiri', 'context'));
  return [
    ...(hasSampleRows
      ? ['The rows of the sample are still in the store: remove the folder .hakiri to start without them.']
      : []),
    `Next: hakiri run ${recipe.name}`,
  ];
}

function listRecipes(channel: Channel, json: boolean): undefined {
  if (json) {
    channel.line(
      jsonDocument({ recipes: RECIPES.map(({ name, brief, settings }) => ({ name, brief, settings })) }),
    );
    return;
  }
  for (const recipe of RECIPES) {
    channel.line(`${recipe.name}  ${recipe.brief}`);
    for (const setting of recipe.settings) channel.line(`  --set ${setting.name}=...  ${setting.brief}`);
  }
}
