import { HakiriError, nearest } from '@hakiri/core';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Throws `usage.argument`. */
export function parseShell(text: string): Shell {
  const shell = SHELLS.find((known) => known === text);
  if (shell !== undefined) return shell;
  const meant = nearest(text, SHELLS);
  throw new HakiriError('usage.argument', `there is no completion for "${text}"`, {
    hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}There is: ${SHELLS.join(', ')}.`,
  });
}
