import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Seeds in hex, keys as `ed25519/<hex>`, blocks as datalog. */
export type OracleRequest =
  | { readonly do: 'issue'; readonly code: string; readonly seed: string }
  | { readonly do: 'append'; readonly token: string; readonly key: string; readonly code: string }
  | {
      readonly do: 'append_third_party';
      readonly token: string;
      readonly key: string;
      readonly code: string;
      readonly seed: string;
    }
  | { readonly do: 'seal'; readonly token: string; readonly key: string }
  | { readonly do: 'read'; readonly token: string; readonly key: string };

export interface Oracle {
  /** A token. */
  make(request: OracleRequest): Promise<string>;
  read(
    token: string,
    key: string,
  ): Promise<{ readonly ids: readonly string[]; readonly blocks: readonly string[] }>;
  stop(): void;
}

/** Another library of the token format. */
export async function startOracle(): Promise<Oracle> {
  const child = fork(join(import.meta.dirname, 'oracle-child.ts'), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {},
  });
  await once(child, 'message');
  return {
    make: async (request) => (await ask(child, request)) as string,
    read: async (token, key) =>
      (await ask(child, { do: 'read', token, key })) as Awaited<ReturnType<Oracle['read']>>,
    stop: () => child.kill(),
  };
}

async function ask(child: ChildProcess, request: OracleRequest): Promise<unknown> {
  child.send(request);
  const [answer] = (await once(child, 'message')) as [{ readonly value?: unknown; readonly error?: string }];
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer.value;
}
