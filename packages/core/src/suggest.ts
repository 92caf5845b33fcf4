import { distance } from 'fastest-levenshtein';

/** Up to `limit` candidates that a typist of `name` may have meant, the likeliest first. Case does not count. */
export function nearestNames(name: string, candidates: readonly string[], limit = 3): readonly string[] {
  const typed = name.toLowerCase();
  const tolerance = Math.min(typed.length - 1, Math.max(2, Math.floor(typed.length / 3)));
  return candidates
    .map((candidate) => ({
      candidate,
      edits: edits(typed, candidate.toLowerCase()),
      starts: candidate.toLowerCase().startsWith(typed.charAt(0)),
    }))
    .filter(({ edits }) => edits <= tolerance)
    .sort(
      (a, b) =>
        a.edits - b.edits ||
        // A first letter is seldom mistyped.
        Number(b.starts) - Number(a.starts) ||
        a.candidate.length - b.candidate.length ||
        (a.candidate < b.candidate ? -1 : 1),
    )
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/** The candidate that a typist of `name` most likely meant; undefined when none is close. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  return nearestNames(name, candidates, 1)[0];
}

/** A name cut short or drawn out counts as one edit: `repo` for `repository`. */
function edits(typed: string, candidate: string): number {
  const [short, long] = typed.length < candidate.length ? [typed, candidate] : [candidate, typed];
  return short.length >= 3 && long.startsWith(short)
    ? Math.min(1, long.length - short.length)
    : distance(typed, candidate);
}
