import type { CommandContext } from '@stricli/core';
import type { Call } from './services.ts';

/** What stricli hands to every command. */
export interface CliContext extends CommandContext, Call {
  /** For a command that failed and has said so itself. */
  setExitCode(code: number): void;
}

/** A command: what it is called with, its flags, its arguments. Gives the exit code when it is not 0. */
export type CommandAction<Flags, Args extends readonly unknown[]> = (
  call: Call,
  flags: Flags,
  ...args: Args
) => Promise<number | undefined>;

/** A stricli loader that imports the command only when it is called. */
export function lazily<Flags, Args extends readonly unknown[]>(
  load: () => Promise<CommandAction<Flags, Args>>,
): () => Promise<(this: CliContext, flags: Flags, ...args: Args) => Promise<void>> {
  return async () => {
    const action = await load();
    return async function (flags, ...args) {
      const code = await action(this, flags, ...args);
      if (code !== undefined) this.setExitCode(code);
    };
  };
}
