import { HakiriError } from '@hakiri/core';
import { z } from 'zod';
import type { SourceContext } from './source-context.ts';

/** The name of a secret the pipeline lists; the value itself never stands in a manifest. */
export const secretName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,99}$/,
    'takes the name of a secret (letters, digits, underscores), not its value',
  );

/**
 * Reads a secret. What the manifest does not list is refused without being repeated: it may be the secret
 * itself, pasted where its name belongs.
 */
export function readSecret(context: SourceContext, name: string, key: string): string {
  if (!context.secrets.includes(name)) {
    throw new HakiriError('source.config', `\`${key}\` does not name a secret of the pipeline`, {
      hint: 'Put the value into the environment, its name into `secrets` of the pipeline, and that name here.',
    });
  }
  return context.secret(name);
}
