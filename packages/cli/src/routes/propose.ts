import type { CliContext } from '../context.ts';

/** Names for the shell's completion; loaded only when a shell asks. */
export async function proposePipelines(this: CliContext): Promise<readonly string[]> {
  return (await import('../completion-values.ts')).pipelineIds(this.services.cwd);
}

export async function proposeTables(this: CliContext): Promise<readonly string[]> {
  return (await import('../completion-values.ts')).tableNames(this.services.cwd);
}

export async function proposeRecipes(): Promise<readonly string[]> {
  return (await import('../completion-values.ts')).recipeNames();
}

/** What `run` takes: the pipelines of the project, or a recipe where there is no project. */
export async function proposeRunnable(this: CliContext): Promise<readonly string[]> {
  const pipelines = await proposePipelines.call(this);
  return pipelines.length > 0 ? pipelines : proposeRecipes();
}
