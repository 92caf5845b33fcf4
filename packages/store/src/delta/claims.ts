/**
 * Files of small writes that someone in this process works on, by absolute path. Whoever folds a file that is
 * still added to loses what is added after, so each has one holder: a writer or a fold.
 */
const claims = new Set<string>();

export const isClaimed = (path: string): boolean => claims.has(path);

/** False where somebody else holds it. */
export function claim(path: string): boolean {
  if (claims.has(path)) return false;
  claims.add(path);
  return true;
}

export const release = (path: string): void => void claims.delete(path);
