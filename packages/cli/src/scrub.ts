/** Replaces secret values in whatever the program writes. Every resolved secret is added before it is used. */
export interface Scrubber {
  add(secret: string): void;
  clean(text: string): string;
}

const REPLACEMENT = '***';

/** Shorter values would blank out ordinary words, and protect nothing. */
const SHORTEST_SECRET = 4;

export function createScrubber(): Scrubber {
  let needles: readonly string[] = [];
  return {
    add(secret) {
      const added = formsOf(secret).filter((form) => form.length >= SHORTEST_SECRET);
      // Longest first: a secret that contains another must go as a whole.
      needles = [...new Set([...needles, ...added])].sort((a, b) => b.length - a.length);
    },
    clean(text) {
      return needles.reduce((cleaned, needle) => cleaned.replaceAll(needle, REPLACEMENT), text);
    },
  };
}

/** The value as it is, as JSON and addresses would write it, and its lines where it has several (a PEM key). */
function formsOf(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= 8);
  return [secret, secret.trim(), JSON.stringify(secret).slice(1, -1), encodeForm(secret), ...lines];
}

function encodeForm(secret: string): string {
  return encodeURIComponent(secret.toWellFormed());
}
