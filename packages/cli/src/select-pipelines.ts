import type { PipelineId } from '@hakiri/core';
import { findRecipe } from './recipes/recipes.ts';
import type { Project } from './services.ts';
import { unknownName } from './unknown-name.ts';

/** The pipelines of these ids, all when none is named. Throws `usage.unknown_name`. */
export function selectPipelines({ manifest }: Project, names: readonly string[]): readonly PipelineId[] {
  const ids = manifest.pipelines.map((pipeline) => pipeline.id);
  if (names.length === 0) return ids;
  return [...new Set(names)].map((name) => ids.find((id) => id === name) ?? unknownPipeline(name, ids));
}

/** Throws `usage.unknown_name`, saying how to add the pipeline where it is the name of a recipe. */
export function unknownPipeline(name: string, ids: readonly string[]): never {
  const recipe = findRecipe(name);
  throw unknownName('pipeline', name, ids, {
    ...(recipe === undefined
      ? {}
      : {
          hint: `It is a recipe: \`hakiri init --recipe ${name}\` in an empty folder writes it; copy its [[pipeline]] from there.`,
        }),
  });
}
