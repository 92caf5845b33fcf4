import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HakiriError } from '@hakiri/core';
import type { Environment } from './output.ts';
import type { Scrubber } from './scrub.ts';

export interface SecretPlaces {
  readonly env: Environment;
  /** The secrets file is `.hakiri/secrets.env` in it. */
  readonly projectFolder: string;
  readonly scrubber: Scrubber;
}

/**
 * Looks a secret up in the environment, then among systemd's credentials, then in the secrets file.
 * The value is known to the scrubber before it is returned. Throws `secret.missing` and `secret.file_mode`.
 */
export function createSecretReader(places: SecretPlaces): (name: string) => string {
  return (name) => {
    const value = fromEnvironment(name, places) ?? fromSystemd(name, places) ?? fromFile(name, places);
    if (value === undefined) throw missing(name);
    places.scrubber.add(value);
    return value;
  };
}

/** A variable that is set but empty counts as not set. */
function fromEnvironment(name: string, { env }: SecretPlaces): string | undefined {
  return env[name] || undefined;
}

/** https://systemd.io/CREDENTIALS: a file a credential, in a folder only the unit may read. */
function fromSystemd(name: string, { env }: SecretPlaces): string | undefined {
  const folder = env.CREDENTIALS_DIRECTORY;
  if (!folder || !/^[\w.-]+$/.test(name) || name.startsWith('.')) return undefined;
  return readIfPresent(join(folder, name))?.replace(/\r?\n$/, '') || undefined;
}

function fromFile(name: string, { projectFolder }: SecretPlaces): string | undefined {
  const path = join(projectFolder, '.hakiri', 'secrets.env');
  const content = readIfPresent(path);
  if (content === undefined) return undefined;
  // Refused even when the name is not in it: what is in it may already have been read by others.
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new HakiriError('secret.file_mode', `${path} can be read by other users`, {
      hint: `Run \`chmod 600 ${path}\`, and consider the secrets in it known.`,
      details: { path },
    });
  }
  return parseSecretsFile(content).get(name) || undefined;
}

/** Lines of `NAME=value`; the value goes to the end of the line, one pair of quotes around it is left out. */
function parseSecretsFile(content: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const line of content.split(/\r?\n/)) {
    const match = /^\s*([A-Za-z_][\w.-]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    entries.set(match[1], match[2].replace(/^(["'])(.*)\1$/, '$2'));
  }
  return entries;
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HakiriError('secret.missing', `${path} cannot be read`, {
      hint: 'Check its permissions.',
      cause,
      details: { path },
    });
  }
}

function missing(name: string): HakiriError {
  return new HakiriError('secret.missing', `the secret ${name} has no value`, {
    hint: `Set ${name} in the environment, as a systemd credential, or as a line ${name}=... in .hakiri/secrets.env (mode 0600).`,
    details: { name },
  });
}
