import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { issueToken, recordIssued, thumbprintOfKeyFile } from '@hakiri/access/token';
import { type Action, HakiriError } from '@hakiri/core';
import { nodeFiles } from '@hakiri/store';
import { jsonDocument } from '../format/json.ts';
import { requireProjectFolder } from '../project-folder.ts';
import { keysFolder, projectKey } from '../project-key.ts';
import { readProjectManifest } from '../read-manifest.ts';
import type { Call } from '../services.ts';
import { systemClock } from '../system-clock.ts';
import { isTable, type RestrictionFlags, restrictionsOf } from '../token-flags.ts';

export interface TokenIssueFlags extends RestrictionFlags {
  readonly agent: string;
  readonly host?: string;
  readonly onBehalfOf?: string;
  readonly task?: string;
  readonly zone?: string;
  readonly table: readonly string[];
  readonly action?: readonly Action[];
  /** Milliseconds. */
  readonly ttl: number;
  readonly proofKey?: string;
  readonly project?: string;
  readonly json: boolean;
}

/** Prints a token. Throws `token.invalid`, `token.too_large`, `predicate.invalid`, `key.*`. */
export async function issue({ services, output }: Call, flags: TokenIssueFlags): Promise<undefined> {
  const folder = requireProjectFolder(services.cwd, flags.project);
  const { project } = await readProjectManifest(folder);
  const tables = flags.table;
  const actions = flags.action ?? ['read'];
  const rights = tables.flatMap((table) => actions.map((action) => ({ table, action })));
  const stranger = rights.find(({ table, action }) => action !== 'run' && !isTable(table));
  if (stranger !== undefined) {
    throw new HakiriError('usage.argument', `"${stranger.table}" is not the name of a table`, {
      hint: 'Lower-case letters, digits and underscores; pipelines are for --action run.',
    });
  }
  const proofKey = flags.proofKey === undefined ? undefined : await thumbprint(services.cwd, flags.proofKey);
  const issuedAtMs = systemClock.nowMs();
  const key = await projectKey(folder, project.publicKeys);
  const issued = issueToken(
    {
      agent: flags.agent,
      host: flags.host,
      onBehalfOf: flags.onBehalfOf,
      task: flags.task,
      zone: flags.zone,
      rights,
      restrictions: restrictionsOf(flags, actions.every((action) => action === 'run') ? [] : tables),
      expiresAtMs: issuedAtMs + flags.ttl,
      proofKey,
    },
    key,
  );
  await recordIssued(nodeFiles, keysFolder(folder), issued, issuedAtMs);
  if (!flags.json) {
    output.out.line(issued.token);
    return;
  }
  const { expiresAtMs } = issued.claims;
  output.out.line(
    jsonDocument({
      token: issued.token,
      id: issued.id,
      expiresAt: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
    }),
  );
}

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/** The thumbprint itself, or that of the key in a file. @throws HakiriError key.invalid, usage.argument */
export async function thumbprint(cwd: string, named: string): Promise<string> {
  return THUMBPRINT.test(named) ? named : thumbprintOfKeyFile(await readKeyFile(cwd, named));
}

/** @throws HakiriError usage.argument */
export async function readKeyFile(cwd: string, path: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, path), 'utf8');
  } catch (cause) {
    throw new HakiriError('usage.argument', `${path} cannot be read`, {
      cause,
      hint: 'Give a key in a PEM or JWK file.',
    });
  }
}
