import type { Scrubber } from './scrub.ts';

/** Where text goes: standard output for data, standard error for everything else. */
export interface Output {
  readonly out: Channel;
  readonly err: Channel;
}

export interface Channel {
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** Of the terminal, now; 80 by 24 where there is none, or one that does not know (it says 0). */
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
  line(text: string): void;
}

/** The part of a Node stream that is used. */
export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on?(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export function createOutput(
  sinks: { readonly stdout: Sink; readonly stderr: Sink },
  env: Environment,
  scrubber: Scrubber,
): Output {
  return {
    out: createChannel(sinks.stdout, env, scrubber),
    err: createChannel(sinks.stderr, env, scrubber),
  };
}

function createChannel(sink: Sink, env: Environment, scrubber: Scrubber): Channel {
  const isTerminal = sink.isTTY === true;
  let closed = false;
  // A reader that has seen enough (`| head`) closes the pipe: no failure, the rest is simply not written.
  sink.on?.('error', (error) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    closed = true;
  });
  const write = (text: string): void => {
    if (!closed) sink.write(scrubber.clean(text));
  };
  return {
    isTerminal,
    colour: showsColour(isTerminal, env),
    get columns() {
      return sink.columns || 80;
    },
    get rows() {
      return sink.rows || 24;
    },
    write,
    line: (text) => write(`${text}\n`),
  };
}

/** https://no-color.org: NO_COLOR wins; FORCE_COLOR shows colour off a terminal too, `0` takes it away. */
function showsColour(isTerminal: boolean, env: Environment): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') {
    return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  }
  return isTerminal && env.TERM !== 'dumb';
}
