import { refusedZones } from '@hakiri/access';
import {
  AS_OWNER_GRANT,
  type ErrorCode,
  type Grant,
  HakiriError,
  isHakiriError,
  mayRun,
  OWNER_GRANT,
  toHakiriError,
} from '@hakiri/core';
import { namedToken } from './given-token.ts';
import { projectGatekeeper } from './project-tokens.ts';
import type { Project, Services } from './services.ts';
import { systemClock } from './system-clock.ts';

/**
 * Of whoever works at the command line: the holder of HAKIRI_TOKEN, else the owner, under the policies of the manifest
 * unless it was asked to pass them by. A token that is refused is on record before that is said.
 * @throws HakiriError token.*, audit.unavailable; usage.argument where a holder of a token asks to pass policies by
 */
export async function commandGrant(
  services: Services,
  project: Project,
  { asOwner = false }: { readonly asOwner?: boolean } = {},
): Promise<Grant> {
  const token = await namedToken(services, undefined);
  if (token === undefined) return asOwner ? AS_OWNER_GRANT : OWNER_GRANT;
  if (asOwner) {
    throw new HakiriError('usage.argument', '--as-owner is not for whoever comes with a token', {
      hint: 'Unset HAKIRI_TOKEN, or leave --as-owner out.',
    });
  }
  try {
    // Nothing proves a key here: a token that asks for that is refused.
    return { ...(await projectGatekeeper(project, systemClock).authenticate({ token })), via: 'cli' };
  } catch (error) {
    if (isHakiriError(error)) await recordRefused(project, error.code);
    throw error;
  }
}

function recordRefused({ audit }: Project, code: string): Promise<void> {
  return audit.log.record({
    action: 'token_refused',
    grant: undefined,
    outcome: 'refused',
    code,
    reads: [],
    rows: 0,
  });
}

/**
 * For what no token gives a right to.
 * @throws HakiriError access.denied where the caller comes with one
 */
export function requireOwner({ env }: Pick<Services, 'env'>): void {
  if (!env.HAKIRI_TOKEN) return;
  throw new HakiriError('access.denied', 'Only the owner does this, and HAKIRI_TOKEN is set', {
    hint: 'Unset HAKIRI_TOKEN to act as the owner of the project.',
  });
}

/**
 * Runs pipelines for whoever may. Those of holders of tokens are on record, as over MCP; the owner's are among the jobs
 * of the store alone.
 * @throws HakiriError access.denied, access.zone_refused, audit.unavailable, and what `run` throws
 */
export async function runAs<T>(
  { audit }: Pick<Project, 'audit'>,
  grant: Grant,
  pipelines: readonly string[],
  run: () => Promise<T>,
): Promise<T> {
  const record = async (outcome: 'granted' | 'refused' | 'failed', code?: ErrorCode): Promise<void> => {
    if (grant.tokenIds.length === 0) return;
    const said = { action: 'pipeline_run', grant, outcome, ...(code === undefined ? {} : { code }) } as const;
    for (const target of pipelines) await audit.log.record({ ...said, target, reads: [], rows: 0 });
  };
  let done: T;
  try {
    requireRuns(grant, pipelines);
    done = await run();
  } catch (error) {
    const { code } = toHakiriError(error);
    await record(code.startsWith('access.') ? 'refused' : 'failed', code);
    throw error;
  }
  await record('granted');
  return done;
}

function requireRuns(grant: Grant, pipelines: readonly string[]): void {
  if (refusedZones(grant) !== undefined) {
    throw new HakiriError(
      'access.zone_refused',
      `The token is not for callers in ${grant.zone ?? 'no zone'}`,
    );
  }
  if (pipelines.every((pipeline) => mayRun(grant, pipeline))) return;
  throw new HakiriError('access.denied', 'The token does not allow running this pipeline', {
    hint: 'Ask whoever issued it for `run` on the pipeline.',
  });
}
