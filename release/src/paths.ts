import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
export const RELEASE = join(ROOT, 'release');
export const DIST = join(ROOT, 'dist/release');
