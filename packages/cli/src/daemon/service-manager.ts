import type { Clock } from '@hakiri/core';
import type { Log } from '@hakiri/server';
import type { Environment } from '../output.ts';
import type { Notify } from './notify.ts';

/** Whoever started the daemon, and wants to know how it is: systemd, or what speaks its protocol, sd_notify(3). */
export interface ServiceManager {
  /** It takes questions. From now on the manager hears that it lives, where it asked to. */
  ready(status: string): void;
  /** For people, on one line. */
  status(text: string): void;
  /** It ends as soon as it can, and asks for time until then. */
  stopping(status: string): void;
  /** Nothing more is said. */
  close(): void;
}

export interface ServiceManagerOptions {
  readonly env: Environment;
  readonly pid: number;
  /** Called where somebody wants to know; gives undefined where nothing can be sent. */
  openNotify(): Notify | undefined;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

const NOBODY: ServiceManager = { ready() {}, status() {}, stopping() {}, close() {} };

/** Time that is asked for, and how often it is while it is needed. */
const EXTENSION_MS = 30_000;
const EXTEND_EVERY_MS = 10_000;
/** A start or a stop that takes longer than this is taken for one that hangs. */
const MOST_EXTENDED_MS = 15 * 60_000;
/** The manager's queue is full while it is busy. */
const TRY_AGAIN_MS = 100;
const MOST_TRIES = 50;
const LONGEST_STATUS = 500;

/** Says nothing where nobody wants to know; from the start on until `close`. */
export function createServiceManager(options: ServiceManagerOptions): ServiceManager {
  const { env, pid, clock, log } = options;
  const address = env.NOTIFY_SOCKET;
  if (!address) return NOBODY;
  const notify = options.openNotify();
  if (notify === undefined) {
    log.warn({}, 'the service manager is told nothing: that takes the released program; use Type=exec');
    return NOBODY;
  }

  const closed = new AbortController();
  let complained = false;
  const say = async (message: string): Promise<void> => {
    for (let tries = 1; !closed.signal.aborted; tries++) {
      const failed = notify(address, message);
      if (failed === undefined) return;
      if (failed !== 'EAGAIN' || tries === MOST_TRIES) {
        if (!complained) log.warn({ reason: failed }, 'the service manager is not reached');
        complained = true;
        return;
      }
      await pause(TRY_AGAIN_MS, closed.signal);
    }
  };
  const pause = (ms: number, signal: AbortSignal): Promise<void> => clock.sleep(ms, signal).catch(() => {});
  const repeat = async (message: string, everyMs: number, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await say(message);
      await pause(everyMs, signal);
    }
  };

  let extending: AbortController | undefined;
  const extend = (): void => {
    extending?.abort();
    const extension = new AbortController();
    extending = extension;
    const signal = AbortSignal.any([extension.signal, closed.signal]);
    void repeat(`EXTEND_TIMEOUT_USEC=${EXTENSION_MS * 1000}`, EXTEND_EVERY_MS, signal);
    void pause(MOST_EXTENDED_MS, signal).then(() => extension.abort());
  };
  let last = '';
  const statusLine = (text: string): string => {
    last = text;
    return `STATUS=${text.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_STATUS)}`;
  };
  const aliveEveryMs = watchdogMs(env, pid) / 2;

  // Opening a large store may take its time.
  extend();
  return {
    ready(text) {
      extending?.abort();
      void say(`READY=1\n${statusLine(text)}`);
      if (aliveEveryMs > 0) void repeat('WATCHDOG=1', aliveEveryMs, closed.signal);
    },
    status(text) {
      if (text !== last) void say(statusLine(text));
    },
    stopping(text) {
      void say(`STOPPING=1\n${statusLine(text)}`);
      extend();
    },
    close() {
      closed.abort();
    },
  };
}

/** After which the manager takes a silent process for one that hangs; 0 when it does not, or asked another process. */
function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: Environment, pid: number): number {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(pid)) return 0;
  return /^[1-9]\d{3,}$/.test(WATCHDOG_USEC ?? '') ? Math.floor(Number(WATCHDOG_USEC) / 1000) : 0;
}
