import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
export const RELEASE = join(ROOT, 'release');
export const DIST = join(ROOT, 'dist/release');
/** What later builds need not make or fetch again. */
export const CACHE = join(ROOT, 'node_modules/.cache/hakiri-release');
