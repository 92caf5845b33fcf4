import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HakiriError } from '@hakiri/core';
import type { Services } from './services.ts';

/**
 * The token of a file (`-`: standard input), else of HAKIRI_TOKEN; undefined where there is neither. It is in nothing
 * that the command says.
 * @throws HakiriError usage.argument, token.missing for an empty one
 */
export async function namedToken(services: Services, file: string | undefined): Promise<string | undefined> {
  const text = await read(services, file);
  return text === undefined ? undefined : taken(services, text);
}

/** The same, and else of standard input. @throws HakiriError usage.argument, token.missing */
export async function givenToken(services: Services, file: string | undefined): Promise<string> {
  return taken(services, (await read(services, file)) ?? (await services.readStdin()));
}

/** Not of HAKIRI_TOKEN: whoever revokes has to say what. @throws HakiriError usage.argument, token.missing */
export async function tokenToRevoke(services: Services, file: string | undefined): Promise<string> {
  return givenToken({ ...services, env: {} }, file);
}

async function read(
  { cwd, env, readStdin }: Services,
  file: string | undefined,
): Promise<string | undefined> {
  if (file === undefined) return env.HAKIRI_TOKEN || undefined;
  if (file === '-') return readStdin();
  try {
    return await readFile(resolve(cwd, file), 'utf8');
  } catch (cause) {
    throw new HakiriError('usage.argument', `${file} cannot be read`, { cause });
  }
}

function taken({ scrubber }: Services, text: string): string {
  const token = text.trim();
  if (token === '') {
    throw new HakiriError('token.missing', 'There is no token', {
      hint: 'Give it on standard input, in a file that --token-file names, or in HAKIRI_TOKEN.',
    });
  }
  scrubber.add(token);
  return token;
}
