import { HakiriError } from '@hakiri/core';
import type { Services } from './services.ts';

/**
 * The token that a command works on: HAKIRI_TOKEN, else standard input. It is in nothing that the command says.
 * @throws HakiriError token.missing
 */
export async function givenToken({ env, readStdin, scrubber }: Services): Promise<string> {
  const token = (env.HAKIRI_TOKEN || (await readStdin())).trim();
  if (token === '') {
    throw new HakiriError('token.missing', 'There is no token', {
      hint: 'Give it on standard input, or in HAKIRI_TOKEN.',
    });
  }
  scrubber.add(token);
  return token;
}
