import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** In the environment of every program that a test starts: what nobody asked for reaches no output either. */
export const CANARY = { HAKIRI_CANARY: `canary-${randomBytes(12).toString('hex')}` } as const;

const SECRET_NAME = /TOKEN|SECRET|PASSWORD|CANARY|(?:^|_)KEY$/;
const SHORTEST_SECRET = 8;
/** Larger files hold rows, and reading them would cost more than it tells. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/** What is looked for: the values of variables that are named as secrets are, in the forms in which they travel. */
export function secretForms(env: Environment): readonly string[] {
  const values = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && value.length >= SHORTEST_SECRET && SECRET_NAME.test(name) ? [value] : [],
  );
  const forms = values.flatMap((value) => [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64'),
    JSON.stringify(value).slice(1, -1),
  ]);
  return [...new Set(forms)];
}

export function assertNoSecret(text: string, forms: readonly string[], where: string): void {
  // Not the text itself: it would be shown.
  assert.ok(!forms.some((form) => text.includes(form)), `a secret of the environment is in ${where}`);
}

/**
 * When the test is over, looks for the secrets in what was put out and in the files below the folder. To be called
 * before the folder is given to the test to be removed.
 */
export function searchForSecrets(
  t: TestContext,
  folder: () => string,
): { watch(env: Environment): void; sees(output: string, where: string): void } {
  const forms = new Set<string>();
  const outputs: { readonly output: string; readonly where: string }[] = [];
  t.after(() => {
    const all = [...forms];
    for (const { output, where } of outputs) assertNoSecret(output, all, where);
    for (const path of filesOf(folder())) assertNoSecret(contentOf(path), all, path);
  });
  return {
    watch(env) {
      for (const form of secretForms(env)) forms.add(form);
    },
    sees(output, where) {
      outputs.push({ output, where });
    },
  };
}

/** A program that is still there removes files of its own. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Files of which the user is the author are left out, and so are folders that go meanwhile. */
function filesOf(folder: string): readonly string[] {
  const below = (path: string): readonly string[] =>
    entriesOf(path).flatMap((entry) => {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) return below(inner);
      return entry.isFile() && entry.name !== 'secrets.env' ? [inner] : [];
    });
  return below(join(folder, '.hakiri')).filter(
    (path) => (statSync(path, { throwIfNoEntry: false })?.size ?? MAX_FILE_BYTES) < MAX_FILE_BYTES,
  );
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
