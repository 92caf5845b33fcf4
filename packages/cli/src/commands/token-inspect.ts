import { type InspectedToken, inspectToken } from '@hakiri/access/token';
import { jsonDocument } from '../format/json.ts';
import { timeText, tokenLines } from '../format/token-text.ts';
import { givenToken } from '../given-token.ts';
import type { Output } from '../output.ts';
import { requireProjectFolder } from '../project-folder.ts';
import { projectGatekeeper } from '../project-tokens.ts';
import { readProjectManifest } from '../read-manifest.ts';
import type { Call } from '../services.ts';
import { systemClock } from '../system-clock.ts';
import { escapeLine } from '../terminal/escape.ts';

export interface TokenInspectFlags {
  readonly tokenFile?: string;
  readonly json: boolean;
}

export interface TokenVerifyFlags extends TokenInspectFlags {
  readonly project?: string;
}

/** Says what a token says. Needs no project and no key. Throws `token.*`. */
export async function inspect({ services, output }: Call, flags: TokenInspectFlags): Promise<undefined> {
  print(output, inspectToken(await givenToken(services, flags.tokenFile)), flags.json, {});
  if (!flags.json) output.err.line('Whether a project signed it is for `hakiri token verify` to say.');
}

/** Checks signature, times and revocation. Throws `token.*` where it does not hold. */
export async function verify({ services, output }: Call, flags: TokenVerifyFlags): Promise<undefined> {
  const token = await givenToken(services, flags.tokenFile);
  const folder = requireProjectFolder(services.cwd, flags.project);
  const manifest = await readProjectManifest(folder);
  projectGatekeeper({ folder, manifest }, systemClock).verify(token);
  print(output, inspectToken(token), flags.json, { valid: true });
}

function print(output: Output, inspected: InspectedToken, asJson: boolean, more: object): void {
  const { claims, ids, isSealed } = inspected;
  if (asJson) {
    output.out.line(jsonDocument({ ...more, ...document(inspected) }));
    return;
  }
  const lines = [
    ...tokenLines(claims),
    ...ids.map((id, index) => [index === 0 ? 'id' : `id ${index}`, id] as const),
    ...(isSealed ? [['sealed', 'nothing can be added to it'] as const] : []),
  ];
  for (const [label, text] of lines) output.out.line(`${label.padEnd(14)}${escapeLine(text)}`);
}

function document({ claims, ids, isSealed }: InspectedToken): object {
  const { principal, zone, rights, proofKey, notBeforeMs, expiresAtMs, blocks } = claims;
  return {
    ...principal,
    zone,
    rights,
    notBefore: notBeforeMs === undefined ? null : timeText(notBeforeMs),
    expiresAt: expiresAtMs === undefined ? null : timeText(expiresAtMs),
    proofKey,
    sealed: isSealed,
    blocks: blocks.map((block, index) => ({
      id: ids[index],
      restrictions: block.restrictions,
      delegate: block.delegate,
      expiresAt: block.expiresAtMs === undefined ? null : timeText(block.expiresAtMs),
    })),
  };
}
