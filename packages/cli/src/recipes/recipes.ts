import { unknownName } from '../unknown-name.ts';
import { githubIssues } from './github-issues.ts';

/** A manifest that is written for the user, to run at once or to fill in. */
export interface Recipe {
  readonly name: string;
  readonly brief: string;
  readonly settings: readonly RecipeSetting[];
  /** The manifest over the sample that comes with Hakiri. */
  sample(project: string): string;
  /** The manifest over the real thing. Throws `usage.argument` for a setting that is missing or not valid. */
  live(project: string, settings: ReadonlyMap<string, string>): string;
  /** A manifest in sample form turned live, all else kept; undefined when it is not in sample form. */
  goLive(manifest: string, settings: ReadonlyMap<string, string>): Promise<string | undefined>;
  /** How to turn the sample into the real thing. */
  readonly liveCommand: string;
  /** A query worth trying after the first run. */
  readonly firstQuery: string;
}

export interface RecipeSetting {
  readonly name: string;
  readonly brief: string;
}

export const RECIPES: readonly Recipe[] = [githubIssues];

export function findRecipe(name: string): Recipe | undefined {
  return RECIPES.find((recipe) => recipe.name === name);
}

/** Throws `usage.unknown_name`. */
export function requireRecipe(name: string): Recipe {
  const recipe = findRecipe(name);
  if (recipe === undefined) {
    throw unknownName(
      'recipe',
      name,
      RECIPES.map((known) => known.name),
    );
  }
  return recipe;
}
