export interface IdleTimer {
  start(): void;
  stop(): void;
}

/** Calls back after so long without a `stop`; never without a time. It keeps no finished program alive. */
export function idleTimer(idleMs: number | undefined, onIdle: () => void): IdleTimer {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  return {
    stop,
    start() {
      stop();
      if (idleMs !== undefined) timer = setTimeout(onIdle, idleMs).unref();
    },
  };
}
