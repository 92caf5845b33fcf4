import { type Attenuation, type Clock, NO_RESTRICTIONS } from '@hakiri/core';
import {
  attenuateToken,
  createGatekeeper,
  type IssuedToken,
  issueToken,
  signingKeyOf,
  type TokenGatekeeper,
  type TokenRequest,
} from '../../../src/token/index.ts';

export const KEY = signingKeyOf(Buffer.alloc(32, 7));
export const OTHER_KEY = signingKeyOf(Buffer.alloc(32, 8));

/** 2027-01-15T08:00:00Z */
export const NOW = 1_800_000_000_000;
export const HOUR = 3_600_000;

export interface TestClock extends Clock {
  set(ms: number): void;
  /** Both clocks. */
  pass(ms: number): void;
}

export function testClock(start = NOW): TestClock {
  let wall = start;
  let monotonic = 0;
  return {
    nowMs: () => wall,
    monotonicMs: () => monotonic,
    sleep: async () => {},
    set(ms) {
      wall = ms;
    },
    pass(ms) {
      wall += ms;
      monotonic += ms;
    },
  };
}

export interface TestGate {
  readonly gate: TokenGatekeeper;
  readonly clock: TestClock;
  readonly revoked: Set<string>;
  readonly keys: string[];
}

export function testGate(): TestGate {
  const clock = testClock();
  const revoked = new Set<string>();
  const keys = [KEY.publicKey];
  const gate = createGatekeeper({
    publicKeys: () => keys,
    clock,
    revocations: { isRevoked: (id) => revoked.has(id) },
  });
  return { gate, clock, revoked, keys };
}

export const READS_NOTES: TokenRequest = {
  agent: 'lead',
  zone: 'local:device',
  rights: [{ table: 'notes', action: 'read' }],
  expiresAtMs: NOW + HOUR,
};

export function issued(more: Partial<TokenRequest> = {}): IssuedToken {
  return issueToken({ ...READS_NOTES, ...more }, KEY);
}

export const less = (attenuation: Partial<Attenuation>): Attenuation => ({
  ...NO_RESTRICTIONS,
  ...attenuation,
});

export function attenuated(token: string, ...blocks: readonly Partial<Attenuation>[]): string {
  return attenuateToken(token, blocks.map(less)).token;
}

/** A token of as many blocks, each with a restriction of another kind. */
export function tokenOfBlocks(blocks: number): string {
  const kinds: readonly Partial<Attenuation>[] = [
    { rows: [{ table: 'notes', predicate: "state = 'open'" }], delegate: { agent: 'scout', task: 'triage' } },
    { columns: [{ table: 'notes', names: ['id', 'title'] }], expiresAtMs: NOW + HOUR / 2 },
    { actions: [{ table: 'notes', column: 'email', action: 'mask' }], tables: ['notes'] },
    { minGroups: [{ table: 'notes', rows: 5 }], zones: ['local:*', 'on-prem:*'] },
  ];
  const more = Array.from({ length: blocks - 1 }, (_, index) => kinds[index % kinds.length] ?? {});
  return attenuated(issued({ host: 'laptop', onBehalfOf: 'ada', task: 'review' }).token, ...more);
}
