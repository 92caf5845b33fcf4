import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * What a released program is made of, as its build wrote it down beside the launcher; undefined when this is no
 * release.
 */
export function releaseInfo(form: 'json' | 'text'): string | undefined {
  const launcher = process.env.HAKIRI_SELF;
  if (!launcher) return undefined;
  try {
    return readFileSync(join(dirname(launcher), form === 'json' ? 'release.json' : 'release.txt'), 'utf8');
  } catch {
    return undefined;
  }
}
