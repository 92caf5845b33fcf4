import { HakiriError } from '@hakiri/core';
import type { ProjectContext } from './node-host.ts';
import { readProjectManifest } from './read-manifest.ts';
import type { Project } from './services.ts';

/** The one place where the packages are wired together: a folder's manifest, its store, its sources. */
export async function openProject(folder: string, _context: ProjectContext): Promise<Project> {
  const manifest = await readProjectManifest(folder);
  const missing = async (): Promise<never> => {
    throw new HakiriError('internal', 'the store is not wired to the command line');
  };
  return {
    folder,
    manifest,
    run: missing,
    plan: missing,
    serve: missing,
    doctor: missing,
    close: async () => {},
  };
}
