import { BlockList, isIP } from 'node:net';
import { EXIT, HakiriError } from '@hakiri/core';
import { createLog, traceAudit, urlHost } from '@hakiri/server';
import { nativeNotify } from '../daemon/notify.ts';
import { runDaemon, tokenFile } from '../daemon/run-daemon.ts';
import { createServiceManager } from '../daemon/service-manager.ts';
import { staying } from '../daemon/staying.ts';
import { requireProjectFolder } from '../project-folder.ts';
import type { Call } from '../services.ts';
import { systemClock } from '../system-clock.ts';

export interface ServeFlags {
  readonly port: number;
  readonly host: string;
  readonly allowRemote: boolean;
  readonly allowHost?: readonly string[];
  readonly incognito: boolean;
  readonly schedule: boolean;
  readonly project?: string;
}

/** Ends with 0 when it was asked to stop, and with 130 when it was asked twice. */
export async function serve({ services, output }: Call, flags: ServeFlags): Promise<number> {
  const { env, scrubber } = services;
  requireLoopback(flags);
  const folder = requireProjectFolder(services.cwd, flags.project);
  const log = createLog({ write: output.err.write, level: env.HAKIRI_LOG ?? 'info' });
  const project = await services.openProject(folder, {
    ...staying('hakiri serve', env, (message) => log.warn({}, message)),
    onRecorded: traceAudit,
  });
  const manager = createServiceManager({
    env,
    pid: process.pid,
    openNotify: nativeNotify,
    clock: systemClock,
    log,
  });
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
  try {
    await runDaemon({
      project,
      host: flags.host,
      port: flags.port,
      allowedHosts: flags.allowHost ?? [],
      incognito: flags.incognito,
      schedule: flags.schedule,
      env,
      log,
      manager,
      stop: stop.signal,
      kill: kill.signal,
      onReady({ host, port, token }) {
        output.out.line(`http://${urlHost(host)}:${port}/mcp`);
        if (token.replaced !== undefined) {
          output.err.line(
            `note: the token kept before is of no use any more and was replaced: ${token.replaced}`,
          );
        }
        if (token.isNew) output.out.line(`token: ${token.value}`);
        // Shown this once: from here on it is a secret like any other.
        scrubber.add(token.value);
        output.out.line(`the token is kept in ${tokenFile(folder)}`);
      },
    });
    return EXIT.done;
  } finally {
    unsubscribe();
    await project.close().finally(() => manager.close());
  }
}

/** Whoever can reach the port and has a token reads with it; that is not to happen by a slip. */
function requireLoopback({ host, allowRemote }: ServeFlags): void {
  if (allowRemote || isLoopback(host)) return;
  throw new HakiriError('usage.argument', `${host} can be reached from other machines`, {
    hint: 'Give --allow-remote as well if that is meant, behind TLS; and --allow-host NAME for the names it is called by.',
    details: { host },
  });
}

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8, 'ipv4');
  loopback.addAddress('::1', 'ipv6');
  const kind = isIP(host);
  return kind !== 0 && loopback.check(host, kind === 6 ? 'ipv6' : 'ipv4');
}
