import { type AsOf, HakiriError, type RunId, type SnapshotId, type SnapshotManifest } from '@hakiri/core';

/** What deciding about a run's part in the past needs. */
export interface RunFacts {
  readonly run: RunId;
  /** Position in the order of commits to this store. */
  readonly seq: number;
  readonly startedAt: string;
  readonly committedAt: string;
  /** The first snapshot that merged it. */
  readonly coveredBy: SnapshotId | null;
  readonly collected: boolean;
  /** It was folded from small writes. */
  readonly folded: boolean;
}

/** A table at a moment: a snapshot, and whole runs beside it. */
export interface Moment {
  readonly snapshot: SnapshotManifest | undefined;
  /** In commit order. */
  readonly runs: readonly RunFacts[];
  /** Small writes that were only folded later: what they held by then is in their files. */
  readonly unfolded: readonly RunFacts[];
}

/**
 * Finds the files that hold what a table was: the newest snapshot that merged nothing from later, and the runs it
 * does not cover.
 * @param runs of the table, in commit order
 * @param snapshots of the table that are still there, oldest first
 * @throws HakiriError query.as_of_gone
 */
export function momentOf(
  runs: readonly RunFacts[],
  snapshots: readonly SnapshotManifest[],
  asOf: { readonly time: string; readonly seq: number | undefined },
): Moment {
  const isVisible = (run: RunFacts): boolean =>
    asOf.seq === undefined ? run.committedAt <= asOf.time : run.seq <= asOf.seq;
  const isCovered = (run: RunFacts, snapshot: SnapshotManifest): boolean =>
    run.coveredBy !== null && run.coveredBy <= snapshot.snapshot;
  const snapshot = snapshots.findLast(
    (candidate) =>
      candidate.horizon <= asOf.time && runs.every((run) => isVisible(run) || !isCovered(run, candidate)),
  );
  const beside = (run: RunFacts): boolean => snapshot === undefined || !isCovered(run, snapshot);
  const needed = runs.filter((run) => isVisible(run) && beside(run));
  const unfolded = runs.filter((run) => run.folded && !isVisible(run) && run.startedAt <= asOf.time);
  if ([...needed, ...unfolded].some(({ collected }) => collected)) throw gone(runs, snapshots);
  return { snapshot, runs: needed, unfolded };
}

function gone(runs: readonly RunFacts[], snapshots: readonly SnapshotManifest[]): HakiriError {
  const first = snapshots[0];
  const covered = runs.filter(({ coveredBy }) => first && coveredBy !== null && coveredBy <= first.snapshot);
  const oldest =
    covered
      .map(({ committedAt }) => committedAt)
      .toSorted()
      .at(-1) ?? '';
  return new HakiriError('query.as_of_gone', 'What the table was then is no longer kept', {
    hint: `The oldest time that is left is ${oldest}. Raise \`retention\` to keep more from now on.`,
    details: { oldest },
  });
}

/** Whether an id or a time was given, and the time as the store writes it. */
export function parseMoment(asOf: AsOf): AsOf {
  if ('run' in asOf) return asOf;
  const ms = Date.parse(asOf.time);
  if (Number.isNaN(ms)) {
    throw new HakiriError('usage.argument', `"${asOf.time}" is not a time`, {
      hint: 'Write it as 2026-11-01T00:00:00Z, or give a run id.',
    });
  }
  return { time: new Date(ms).toISOString() };
}
