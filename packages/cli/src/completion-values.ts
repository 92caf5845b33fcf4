import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';
import { findProjectFolder } from './project-folder.ts';
import { RECIPES } from './recipes/recipes.ts';
import type { Project, Services } from './services.ts';

/** Names for completion: from the manifest and the names of folders, without opening the store. Never throws. */
export async function pipelineIds(services: Services): Promise<readonly string[]> {
  const project = await openQuietly(services);
  return project?.manifest.pipelines.map((pipeline) => pipeline.id) ?? [];
}

export async function tableNames(services: Services): Promise<readonly string[]> {
  const project = await openQuietly(services);
  if (project === undefined) return [];
  return [...new Set([...declaredTables(project.manifest), ...storedTables(project)])].sort();
}

export function recipeNames(): readonly string[] {
  return RECIPES.map((recipe) => recipe.name);
}

function declaredTables({ pipelines }: Manifest): readonly string[] {
  return pipelines.flatMap((pipeline) =>
    (pipeline.tables ?? []).map((table) => tableNameOf(pipeline, table)),
  );
}

function storedTables({ folder, manifest }: Project): readonly string[] {
  try {
    return readdirSync(join(folder, '.hakiri', 'context', manifest.project.name, 'tables'));
  } catch {
    return [];
  }
}

async function openQuietly(services: Services): Promise<Project | undefined> {
  const folder = findProjectFolder(services.cwd);
  try {
    return folder === undefined ? undefined : await services.openProject(folder);
  } catch {
    return undefined;
  }
}
