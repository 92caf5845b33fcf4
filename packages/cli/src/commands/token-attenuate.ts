import { createPrivateKey, type KeyObject } from 'node:crypto';
import { attenuateToken, inspectToken, passProofOn, seedOfPrivateKey } from '@hakiri/access/token';
import { type Attenuation, HakiriError } from '@hakiri/core';
import { jsonDocument } from '../format/json.ts';
import { givenToken } from '../given-token.ts';
import type { Call } from '../services.ts';
import { systemClock } from '../system-clock.ts';
import { type RestrictionFlags, restrictionsOf } from '../token-flags.ts';
import { readKeyFile, thumbprint } from './token-issue.ts';

export interface TokenAttenuateFlags extends RestrictionFlags {
  readonly table?: readonly string[];
  readonly zone?: readonly string[];
  readonly delegate?: string;
  readonly task?: string;
  /** Milliseconds. */
  readonly ttl?: number;
  readonly proofKey?: string;
  readonly signedBy?: string;
  readonly tokenFile?: string;
  readonly json: boolean;
}

/** Prints a token that holds less. Needs no project. Throws `token.*`, `predicate.invalid`, `key.invalid`. */
export async function attenuate({ services, output }: Call, flags: TokenAttenuateFlags): Promise<undefined> {
  const given = await givenToken(services, flags.tokenFile);
  const attenuation = attenuationOf(flags, given);
  const passesOn = flags.proofKey !== undefined || flags.signedBy !== undefined;
  // Passing the proof on alone is something, too.
  const isNarrowed =
    !passesOn || Object.values(attenuation).some((value) => !Array.isArray(value) || value.length > 0);
  let made = isNarrowed
    ? attenuateToken(given, [attenuation])
    : { token: given, expiresAtMs: inspectToken(given).claims.expiresAtMs };
  if (passesOn) {
    const { proofKey, signedBy } = await proofFiles(services.cwd, flags);
    made = passProofOn(made.token, signedBy, proofKey);
  }
  const { token, expiresAtMs } = made;
  if (flags.json) {
    const expiresAt = expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString();
    output.out.line(jsonDocument({ token, id: inspectToken(token).ids.at(-1), expiresAt }));
  } else output.out.line(token);
}

function attenuationOf(flags: TokenAttenuateFlags, token: string): Attenuation {
  const { table, zone, delegate, task, ttl } = flags;
  if (task !== undefined && delegate === undefined) {
    throw new HakiriError('usage.argument', '--task says what whoever --delegate names is to do', {
      hint: 'Give --delegate too.',
    });
  }
  return {
    ...restrictionsOf(flags, table ?? tablesOf(token)),
    ...(table !== undefined && { tables: table }),
    ...(zone !== undefined && { zones: zone }),
    ...(ttl !== undefined && { expiresAtMs: systemClock.nowMs() + ttl }),
    ...(delegate !== undefined && { delegate: { agent: delegate, ...(task !== undefined && { task }) } }),
  };
}

/** Those that the token is about. */
function tablesOf(token: string): readonly string[] {
  const { rights } = inspectToken(token).claims;
  return [...new Set(rights.filter(({ action }) => action !== 'run').map(({ table }) => table))];
}

async function proofFiles(
  cwd: string,
  { proofKey, signedBy }: TokenAttenuateFlags,
): Promise<{ readonly proofKey: string; readonly signedBy: Uint8Array }> {
  if (proofKey === undefined || signedBy === undefined) {
    throw new HakiriError('usage.argument', '--proof-key and --signed-by go together', {
      hint: 'Name the key that is to be proven from now on, and the private key that is proven now.',
    });
  }
  return {
    proofKey: await thumbprint(cwd, proofKey),
    signedBy: seedOfPrivateKey(privateKey(await readKeyFile(cwd, signedBy), signedBy)),
  };
}

function privateKey(text: string, path: string): KeyObject {
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Told below: the reason may quote the file.
  }
  throw new HakiriError('key.invalid', `${path} holds no private Ed25519 key`, {
    hint: 'Only an Ed25519 key, as PEM, can pass proof of possession on.',
  });
}
