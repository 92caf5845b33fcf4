import { EXIT } from '@hakiri/core';
import { connectToDaemon, type Pipes, relay, socketPath } from '@hakiri/server/relay';
import { requireProjectFolder } from '../project-folder.ts';
import type { Call } from '../services.ts';

export interface McpFlags {
  readonly project?: string;
}

/** Standard output carries the protocol and nothing else. Ends with its input. */
export async function mcp(call: Call, flags: McpFlags): Promise<number> {
  const { services } = call;
  const folder = requireProjectFolder(services.cwd, flags.project);
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
  const alone = async (pipes: Pipes): Promise<void> => {
    const { serveAlone } = await import('../daemon/serve-alone.ts');
    await serveAlone(call, folder, pipes, { stop: stop.signal, kill: kill.signal });
  };
  const pipes = services.stdio();
  try {
    const daemon = await connectToDaemon(socketPath(folder, services.env));
    if (daemon === undefined) await alone(pipes);
    else await relay({ ...pipes, daemon, goOnAlone: alone, signal: stop.signal });
    return EXIT.done;
  } finally {
    unsubscribe();
    // An input that never ends must not keep a process that has nothing left to do.
    pipes.stdin.destroy();
  }
}
