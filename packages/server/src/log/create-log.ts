import { type Logger, pino } from 'pino';

export type Log = Logger;

export interface LogOptions {
  /** Takes whole lines. */
  write(line: string): void;
  /** Takes secrets out of a line, whatever field they stand in. */
  clean(text: string): string;
  /** `info` when undefined. */
  readonly level?: string;
}

/** One JSON object a line, `time` in ISO 8601. What is logged of an error is what its code, message and hint say. */
export function createLog({ write, clean, level = 'info' }: LogOptions): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => write(clean(line)) },
  );
}
