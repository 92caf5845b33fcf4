import { EXIT } from '@hakiri/core';
import {
  connectToDaemon,
  type Greeting,
  ownerProof,
  type Pipes,
  relay,
  socketPath,
} from '@hakiri/server/relay';
import { readKeyText, requireOwner } from '../daemon/owner-access.ts';
import { requireProjectFolder } from '../project-folder.ts';
import type { Call } from '../services.ts';

export interface McpFlags {
  readonly incognito: boolean;
  readonly project?: string;
}

/**
 * Standard output carries the protocol and nothing else. Ends with its input.
 * @throws HakiriError token.* where whoever starts it is not let in
 */
export async function mcp(call: Call, flags: McpFlags): Promise<number> {
  const { services, output } = call;
  const folder = requireProjectFolder(services.cwd, flags.project);
  const token = services.env.HAKIRI_TOKEN?.trim() || undefined;
  if (token !== undefined) services.scrubber.add(token);
  const stop = new AbortController();
  const kill = new AbortController();
  const unsubscribe = services.onInterrupt(() => {
    if (!stop.signal.aborted) {
      stop.abort();
      return;
    }
    kill.abort();
    services.exitNow(EXIT.interrupted);
  });
  const alone = async (pipes: Pipes, session: { readonly incognito: boolean }): Promise<void> => {
    const { serveAlone } = await import('../daemon/serve-alone.ts');
    const incognito = flags.incognito || session.incognito;
    await serveAlone(call, folder, pipes, { token, incognito, stop: stop.signal, kill: kill.signal });
  };
  const pipes = services.stdio();
  try {
    if (token === undefined) {
      await requireOwner(folder);
      output.err.line("note: HAKIRI_TOKEN is not set: this agent has the owner's grant");
    }
    const greeting = greetingOf(folder, token, flags.incognito);
    const daemon = greeting && (await connectToDaemon(socketPath(folder, services.env), greeting));
    if (daemon === undefined) await alone(pipes, { incognito: false });
    else await relay({ ...pipes, daemon, goOnAlone: alone, signal: stop.signal });
    return EXIT.done;
  } finally {
    unsubscribe();
    // An input that never ends must not keep a process that has nothing left to do.
    pipes.stdin.destroy();
  }
}

/** Undefined where there is nothing to show a daemon: a daemon makes the project's key. */
function greetingOf(folder: string, token: string | undefined, incognito: boolean): Greeting | undefined {
  if (token !== undefined) return { token, incognito };
  const key = readKeyText(folder);
  return key === undefined ? undefined : { owner: ownerProof(key), incognito };
}
