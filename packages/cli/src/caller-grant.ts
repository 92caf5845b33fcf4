import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Grant, HakiriError, OWNER_GRANT } from '@hakiri/core';
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
  const token = (await readToken(services, tokenFile))?.trim();
  if (token === undefined) return OWNER_GRANT;
  return projectGatekeeper(project, systemClock).verify(token).grant;
}

async function readToken(services: Services, file: string | undefined): Promise<string | undefined> {
  if (file === '-') return services.readStdin();
  if (file === undefined) return services.env.HAKIRI_TOKEN || undefined;
  try {
    return await readFile(resolve(services.cwd, file), 'utf8');
  } catch (cause) {
    throw new HakiriError('usage.argument', `${file} cannot be read`, { cause });
  }
}
