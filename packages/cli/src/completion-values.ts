import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';
import { findProjectFolder } from './project-folder.ts';
import { readProjectManifest } from './read-manifest.ts';
import { RECIPES } from './recipes/recipes.ts';

/**
 * Names for completion, from the manifest and the names of folders: a shell asks at each key, so nothing is
 * opened for it. A manifest that cannot be read has no names.
 */
export async function pipelineIds(cwd: string): Promise<readonly string[]> {
  const project = await readQuietly(cwd);
  return project?.manifest.pipelines.map((pipeline) => pipeline.id) ?? [];
}

export async function tableNames(cwd: string): Promise<readonly string[]> {
  const project = await readQuietly(cwd);
  if (project === undefined) return [];
  return [...new Set([...declaredTables(project.manifest), ...storedTables(project)])].sort();
}

export function recipeNames(): readonly string[] {
  return RECIPES.map((recipe) => recipe.name);
}

interface ProjectNames {
  readonly folder: string;
  readonly manifest: Manifest;
}

function declaredTables({ pipelines }: Manifest): readonly string[] {
  return pipelines.flatMap((pipeline) =>
    (pipeline.tables ?? []).map((table) => tableNameOf(pipeline, table)),
  );
}

function storedTables({ folder, manifest }: ProjectNames): readonly string[] {
  try {
    return readdirSync(join(folder, '.hakiri', 'context', manifest.project.name, 'tables'));
  } catch {
    return [];
  }
}

async function readQuietly(cwd: string): Promise<ProjectNames | undefined> {
  const folder = findProjectFolder(cwd);
  try {
    return folder === undefined ? undefined : { folder, manifest: await readProjectManifest(folder) };
  } catch {
    return undefined;
  }
}
