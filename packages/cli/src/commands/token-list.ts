import { type IssuedRecord, listIssued } from '@hakiri/access/token';
import { nodeFiles } from '@hakiri/store';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { rightsText, timeText } from '../format/token-text.ts';
import { requireProjectFolder } from '../project-folder.ts';
import { keysFolder } from '../project-key.ts';
import { projectRevocations } from '../project-tokens.ts';
import { readProjectManifest } from '../read-manifest.ts';
import type { Call } from '../services.ts';
import { systemClock } from '../system-clock.ts';
import { escapeLine } from '../terminal/escape.ts';

export interface TokenListFlags {
  readonly project?: string;
  readonly json: boolean;
}

/** Lists what was issued on this machine, and what was revoked. */
export async function listTokens({ services, output }: Call, flags: TokenListFlags): Promise<undefined> {
  const folder = requireProjectFolder(services.cwd, flags.project);
  const manifest = await readProjectManifest(folder);
  const issued = await listIssued(nodeFiles, keysFolder(folder));
  const revoked = new Set(await projectRevocations({ folder, manifest }).list());
  const nowMs = systemClock.nowMs();
  const state = ({ id, expiresAtMs }: IssuedRecord): string => {
    if (revoked.has(id)) return 'revoked';
    return expiresAtMs !== undefined && nowMs > expiresAtMs ? 'expired' : 'in force';
  };
  const own = new Set(issued.map(({ id }) => id));
  const others = [...revoked].filter((id) => !own.has(id));
  if (flags.json) {
    const tokens = issued.map((record) => {
      const { id, principal, zone, rights, restrictions, issuedAtMs, expiresAtMs } = record;
      return {
        id,
        state: state(record),
        ...principal,
        zone,
        rights,
        restrictions,
        issuedAt: timeText(issuedAtMs),
        expiresAt: expiresAtMs === undefined ? null : timeText(expiresAtMs),
      };
    });
    output.out.line(jsonDocument({ tokens, revoked: [...revoked] }));
    return;
  }
  if (issued.length + others.length === 0) {
    output.err.line('no token was issued here; `hakiri token issue` makes one');
    return;
  }
  const { lines } = textTable(
    (['id', 'agent', 'may', 'expires', 'state'] as const).map((title) => ({ title, align: 'left' })),
    [
      ...issued.map((record) => [
        record.id.slice(0, 16),
        escapeLine(record.principal.agent),
        escapeLine(rightsText(record.rights)),
        record.expiresAtMs === undefined ? 'never' : timeText(record.expiresAtMs).slice(0, 19),
        state(record),
      ]),
      ...others.map((id) => [id.slice(0, 16), '', '', '', 'revoked']),
    ],
    output.out.isTerminal ? output.out.columns : undefined,
  );
  for (const line of lines) output.out.line(line);
}
