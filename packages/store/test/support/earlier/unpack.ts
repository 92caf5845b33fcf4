import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Expected } from './questions.ts';
import type { Build } from './served-rows.ts';

export interface EarlierStore {
  /** The project's folder. */
  readonly folder: string;
  /** `.hakiri` */
  readonly root: string;
  readonly context: string;
  readonly expected: Expected;
}

function ownFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hakiri-earlier-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The name of the project in every archive. */
export const EARLIER_PROJECT = 'demo';

/** A store as an earlier build left it, in a folder of its own or in the one given. */
export function unpackEarlier(t: TestContext, build: Build, folder = ownFolder(t)): EarlierStore {
  const archive = join(import.meta.dirname, '../../fixtures', `${build}.tar.gz`);
  execFileSync('tar', ['-xzf', archive, '--no-same-owner', '-C', folder]);
  const root = join(folder, '.hakiri');
  return {
    folder,
    root,
    context: join(root, 'context', EARLIER_PROJECT),
    expected: JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected,
  };
}
