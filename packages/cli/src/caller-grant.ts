import { type Grant, OWNER_GRANT } from '@hakiri/core';
import { namedToken } from './given-token.ts';
import { projectGatekeeper } from './project-tokens.ts';
import type { Project, Services } from './services.ts';
import { systemClock } from './system-clock.ts';

/**
 * What the holder of a token may do: of one in a file (`-`: on standard input), else of HAKIRI_TOKEN, else the owner.
 * Whether the token's key is the holder's is not asked: nothing is served here.
 * @throws HakiriError token.*
 */
export async function callerGrant(
  services: Services,
  project: Project,
  tokenFile: string | undefined,
): Promise<Grant> {
  const token = await namedToken(services, tokenFile);
  return token === undefined ? OWNER_GRANT : projectGatekeeper(project, systemClock).verify(token).grant;
}
