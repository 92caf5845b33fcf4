import { ownerToken } from '@hakiri/access/token';
import { projectKey } from '../project-key.ts';
import type { Project } from '../services.ts';

/**
 * Makes the project's key where there is none yet, so that there are tokens, and whoever can read it is known as the
 * owner. What makes a token with all of the owner's rights.
 * @throws HakiriError key.*, usage.argument where the manifest cannot be changed
 */
export async function ownerTokenMaker(project: Project): Promise<() => string> {
  const { publicKeys } = project.manifest.project;
  const key = await projectKey(project.folder, publicKeys);
  if (!publicKeys.includes(key.publicKey)) await project.reload();
  return () => ownerToken(key).token;
}
