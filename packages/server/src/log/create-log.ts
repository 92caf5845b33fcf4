import { type Logger, pino } from 'pino';

export type Log = Logger;

export interface LogOptions {
  /** Takes whole lines; whoever writes them takes secrets out, whatever field they stand in. */
  write(line: string): void;
  /** `info` when undefined, or when it is no level. */
  readonly level?: string;
}

/** One JSON object a line, `time` in ISO 8601. What is logged of an error is what its code, message and hint say. */
export function createLog({ write, level = 'info' }: LogOptions): Log {
  return pino(
    {
      level: Object.hasOwn(pino.levels.values, level) || level === 'silent' ? level : 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
}
