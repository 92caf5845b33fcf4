import { requireProjectFolder } from './project-folder.ts';
import type { Project, Services } from './services.ts';

/** Opens the project a command works on, and closes it whatever happens. Throws `manifest.not_found`. */
export async function withProject<T>(
  services: Services,
  named: string | undefined,
  use: (project: Project) => Promise<T>,
): Promise<T> {
  const project = await services.openProject(requireProjectFolder(services.cwd, named));
  try {
    return await use(project);
  } finally {
    await project.close();
  }
}
