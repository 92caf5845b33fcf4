import { inspectToken, listIssued } from '@hakiri/access/token';
import { HakiriError } from '@hakiri/core';
import { nodeFiles } from '@hakiri/store';
import { jsonDocument } from '../format/json.ts';
import { tokenToRevoke } from '../given-token.ts';
import { requireProjectFolder } from '../project-folder.ts';
import { keysFolder } from '../project-key.ts';
import { projectRevocations } from '../project-tokens.ts';
import { readProjectManifest } from '../read-manifest.ts';
import type { Call, Services } from '../services.ts';
import { systemClock } from '../system-clock.ts';

export interface TokenRevokeFlags {
  readonly block?: number;
  readonly reason?: string;
  readonly tokenFile?: string;
  readonly project?: string;
  readonly json: boolean;
}

/** Ends a token and all that was made of it. Throws `usage.argument`, `usage.unknown_name`, `token.*`, `store.*`. */
export async function revoke(
  { services, output }: Call,
  flags: TokenRevokeFlags,
  named?: string,
): Promise<undefined> {
  const folder = requireProjectFolder(services.cwd, flags.project);
  const manifest = await readProjectManifest(folder);
  const id = named === undefined ? await idOfBlock(services, flags) : await fullId(folder, named, flags);
  const reason = flags.reason === undefined ? {} : { reason: flags.reason };
  const isNew = await projectRevocations({ folder, manifest }).revoke(id, {
    atMs: systemClock.nowMs(),
    ...reason,
  });
  if (flags.json) output.out.line(jsonDocument({ id, revokedNow: isNew }));
  else output.err.line(isNew ? `revoked ${id.slice(0, 16)}` : `${id.slice(0, 16)} was revoked already`);
}

/** Of the token that is given: of its last block, unless another is named. */
async function idOfBlock(services: Services, { block, tokenFile }: TokenRevokeFlags): Promise<string> {
  const { ids } = inspectToken(await tokenToRevoke(services, tokenFile));
  const id = ids.at(block ?? -1);
  if (id !== undefined) return id;
  throw new HakiriError('usage.argument', `the token has no block ${block}`, {
    hint: `Its blocks are 0 to ${ids.length - 1}.`,
  });
}

async function fullId(folder: string, named: string, { block }: TokenRevokeFlags): Promise<string> {
  if (block !== undefined) throw new HakiriError('usage.argument', '--block is for a token, not for an id');
  if (/^[0-9a-f]{128}$/.test(named)) return named;
  const issued = await listIssued(nodeFiles, keysFolder(folder));
  const ids = new Set(issued.map(({ id }) => id).filter((id) => id.startsWith(named)));
  const [id, second] = ids;
  if (/^[0-9a-f]{8,}$/.test(named) && id !== undefined && second === undefined) return id;
  throw new HakiriError(
    'usage.unknown_name',
    `"${named.slice(0, 128)}" is the id of no token that was issued here`,
    {
      hint: '`hakiri token list` has them; the first 8 digits will do where they are of one alone.',
    },
  );
}
