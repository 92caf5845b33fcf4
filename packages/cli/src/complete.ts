import { proposeCompletions } from '@stricli/core';
import { buildApp } from './app.ts';
import { createContext } from './main.ts';
import { nodeHost } from './node-host.ts';
import type { Profile } from './profile.ts';
import { parseShell, type Shell } from './shells.ts';

/** `__complete SHELL WORD...`: the words after the command's name, the last one unfinished. Prints a proposal a line. */
export async function complete([shell = '', ...words]: readonly string[], profile: Profile): Promise<void> {
  const form = parseShell(shell);
  const context = createContext(nodeHost(profile));
  const silent = { stdout: { write: () => {} }, stderr: { write: () => {} } };
  const proposals = await proposeCompletions(
    buildApp(
      () => {},
      () => [],
      profile.routes,
    ),
    words,
    {
      process: silent,
      forCommand: () => ({ ...context, process: silent, setExitCode: () => {} }),
    },
  );
  for (const { completion, brief } of proposals)
    context.output.out.line(proposalLine(form, completion, brief));
}

/** bash takes the word alone, fish a tab and the description, zsh a colon and the description. */
function proposalLine(shell: Shell, completion: string, brief: string): string {
  switch (shell) {
    case 'bash':
      return completion;
    case 'fish':
      return `${completion}\t${brief}`;
    case 'zsh':
      return `${completion.replaceAll(':', '\\:')}:${brief}`;
  }
}
