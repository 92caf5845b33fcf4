import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of a released program; undefined when this is no release. */
export function releaseFolder(): string | undefined {
  const launcher = process.env.HAKIRI_SELF;
  return launcher ? dirname(launcher) : undefined;
}

/**
 * What a released program is made of, as its build wrote it down beside the launcher; undefined when this is no
 * release.
 */
export function releaseInfo(form: 'json' | 'text'): string | undefined {
  const folder = releaseFolder();
  if (folder === undefined) return undefined;
  try {
    return readFileSync(join(folder, form === 'json' ? 'release.json' : 'release.txt'), 'utf8');
  } catch {
    return undefined;
  }
}
