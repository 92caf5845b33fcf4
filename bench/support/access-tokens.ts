import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  attenuateToken,
  createGatekeeper,
  type GatekeeperOptions,
  issueToken,
  openRevocations,
  signingKeyOf,
  type TokenGatekeeper,
} from '@hakiri/access/token';
import { NO_RESTRICTIONS } from '@hakiri/core';
import { nodeFiles } from '@hakiri/store';
import { type Bar, limitBar, type Scale } from './report.ts';

/** A token of five blocks, let in: with everything to be checked, and with its signatures known. */
export async function accessTokens(scale: Scale): Promise<readonly Bar[]> {
  const count = scale === 'full' ? 20_000 : 3_000;
  const root = mkdtempSync(join(tmpdir(), 'hakiri-bench-'));
  try {
    const key = signingKeyOf(Buffer.alloc(32, 7));
    const options: GatekeeperOptions = {
      publicKeys: () => [key.publicKey],
      clock: {
        nowMs: () => Date.now(),
        monotonicMs: () => performance.now(),
        sleep: () => Promise.reject(new Error('nobody waits here')),
      },
      revocations: openRevocations(nodeFiles, join(root, 'revoked')),
    };
    const token = fiveBlocks(key);
    // A gatekeeper that has never seen the token, each time.
    const uncached = await times(Math.ceil(count / 10), () => createGatekeeper(options), token);
    const gatekeeper = createGatekeeper(options);
    const cached = await times(count, () => gatekeeper, token);
    return [
      limitBar('access', 'ms, a token of five blocks verified and let in, p50', at(uncached, 0.5), 2),
      limitBar('access', 'ms, the same once its signatures are known, p99', at(cached, 0.99), 0.2),
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function times(count: number, gatekeeper: () => TokenGatekeeper, token: string): Promise<number[]> {
  const taken: number[] = [];
  for (let i = 0; i < count; i++) {
    const asked = gatekeeper();
    const from = performance.now();
    await asked.authenticate({ token });
    taken.push(performance.now() - from);
  }
  return taken.sort((a, b) => a - b);
}

const at = (sorted: readonly number[], quantile: number): number =>
  sorted[Math.floor(sorted.length * quantile)] as number;

function fiveBlocks(key: ReturnType<typeof signingKeyOf>): string {
  const { token } = issueToken(
    {
      agent: 'lead',
      host: 'laptop',
      onBehalfOf: 'ada',
      task: 'review',
      zone: 'local:device',
      rights: [
        { table: 'notes', action: 'read' },
        { table: 'notes', action: 'search' },
      ],
      expiresAtMs: Date.now() + 86_400_000,
    },
    key,
  );
  const table = 'notes';
  return attenuateToken(token, [
    { ...NO_RESTRICTIONS, rows: [{ table, predicate: "state = 'open' and comments > 3" }] },
    {
      ...NO_RESTRICTIONS,
      columns: [{ table, names: ['id', 'title', 'body'] }],
      delegate: { agent: 'scout' },
    },
    { ...NO_RESTRICTIONS, actions: [{ table, column: 'body', action: 'mask' }], tables: [table] },
    { ...NO_RESTRICTIONS, minGroups: [{ table, rows: 5 }], expiresAtMs: Date.now() + 3_600_000 },
  ]).token;
}
