import { type Clock, type Grant, HakiriError } from '@hakiri/core';

/** Tokens whose holders have asked to stay incognito, for as long as this process lives. */
export interface Pins {
  /** @throws HakiriError access.denied where there are too many */
  add(grant: Grant): void;
  /** Also of a token that was made from one of them. */
  has(grant: Grant): boolean;
}

const MOST_PINS = 10_000;

/**
 * A token is known by the id of its last block. Whatever its holder makes of it begins with the same blocks, so that
 * attenuating it does not lead out; what it was made from is somebody else's.
 */
export function createPins(clock: Pick<Clock, 'nowMs'>): Pins {
  const pinned = new Map<string, number>();
  const has = ({ tokenIds }: Grant): boolean => tokenIds.some((id) => pinned.has(id));
  const forgetExpired = (): void => {
    const nowMs = clock.nowMs();
    for (const [id, expiresAtMs] of pinned) if (expiresAtMs <= nowMs) pinned.delete(id);
  };
  return {
    has,
    add(grant) {
      const own = grant.tokenIds.at(-1);
      if (own === undefined || has(grant)) return;
      if (pinned.size >= MOST_PINS) forgetExpired();
      if (pinned.size >= MOST_PINS) {
        throw new HakiriError('access.denied', 'Too many sessions are incognito to keep another in mind', {
          hint: 'Attenuate the token with zones instead, or start another `hakiri serve --incognito`.',
        });
      }
      pinned.set(own, grant.expiresAtMs ?? Number.POSITIVE_INFINITY);
    },
  };
}
