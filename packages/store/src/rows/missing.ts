import { createHash } from 'node:crypto';
import type { CatalogDelta, CatalogPart, CatalogRunPart, CatalogTable, RunId } from '@hakiri/core';
import { ulidTimeMs } from '@hakiri/core';
import { hasGrown } from './delta-tail.ts';
import { readsTheSame, rowShape } from './row-key.ts';
import type { SidecarState, Taken } from './sidecar-file.ts';

/** What lies between what a sidecar has taken in and a table. */
export type Missing =
  | { readonly kind: 'nothing' }
  /** The table cannot be reached from here. */
  | { readonly kind: 'all'; readonly why: string }
  /** Another snapshot of the same rows. */
  | { readonly kind: 'snapshot'; readonly snapshot: NonNullable<Taken['snapshot']> }
  | {
      readonly kind: 'rows';
      readonly newer: readonly CatalogRunPart[];
      readonly deltas: readonly CatalogDelta[];
    };

/**
 * @param isEmpty whether a run that a snapshot covers had no rows, so that it was in no list of parts
 * @param onlyDeltas everything but the files of small writes was found to be here already
 */
export function missing(
  state: SidecarState,
  table: CatalogTable,
  path: (relative: string) => string,
  isEmpty: (run: RunId) => boolean,
  onlyDeltas = false,
): Missing {
  if (onlyDeltas) return missingDeltas(state, table, path, []);
  if (!readsTheSame(state.shape, rowShape(table))) return all('its columns have other types');
  const snapshot = takenSnapshot(table);
  if (state.snapshot !== null && snapshot === undefined) return all('its snapshot is gone');
  if (snapshot !== undefined && snapshot.id === state.snapshot && snapshot.parts !== state.snapshotParts) {
    return all('its snapshot was rewritten');
  }
  const gone = vanished(state, table);
  if (gone !== undefined) return all(`run ${gone} is gone`);
  if (snapshot !== undefined && snapshot.id !== state.snapshot) {
    const unknown = table.snapshot?.manifest.covers.find((run) => !state.runs.has(run) && !isEmpty(run));
    if (unknown !== undefined) return all(`run ${unknown} was merged unseen`);
    return { kind: 'snapshot', snapshot };
  }
  const newer: CatalogRunPart[] = [];
  for (const [run, parts] of partsByRun(table.newer)) {
    const taken = state.runs.get(run);
    if (taken?.parts === digest(parts)) continue;
    if (taken !== undefined && taken.parts !== null) return all(`run ${run} was rewritten`);
    newer.push(...parts);
  }
  return missingDeltas(state, table, path, newer);
}

function missingDeltas(
  state: SidecarState,
  table: CatalogTable,
  path: (relative: string) => string,
  newer: readonly CatalogRunPart[],
): Missing {
  const deltas: CatalogDelta[] = [];
  for (const delta of table.deltas) {
    const taken = state.deltas.get(delta.run);
    const grown = taken === undefined || hasGrown(path(delta.path), taken);
    if (grown === 'shrunk') return all(`the small writes ${delta.run} were rewritten`);
    if (grown) deltas.push(delta);
  }
  return newer.length + deltas.length === 0 ? { kind: 'nothing' } : { kind: 'rows', newer, deltas };
}

const all = (why: string): Missing => ({ kind: 'all', why });

/** A run that was taken in and that the table no longer has; the oldest are forgotten by design. */
function vanished(state: SidecarState, table: CatalogTable): string | undefined {
  const known = new Set<string>([
    ...(table.snapshot?.manifest.covers ?? []),
    ...table.newer.map(({ run }) => run),
    ...table.deltas.map(({ run }) => run),
  ]);
  const horizonMs = Date.parse(table.snapshot?.manifest.horizon ?? '') || Number.NEGATIVE_INFINITY;
  return [...state.runs.keys(), ...state.deltas.keys()].find(
    (run) => !known.has(run) && ulidTimeMs(run as RunId) >= horizonMs,
  );
}

/** The table's snapshot as the sidecar remembers it. */
export function takenSnapshot({ snapshot }: CatalogTable): Taken['snapshot'] {
  if (snapshot === undefined) return undefined;
  const { manifest, parts } = snapshot;
  return { id: manifest.snapshot, parts: digest(parts), horizon: manifest.horizon };
}

/** Every run of the table as taken in. */
export function takenRuns(newer: readonly CatalogRunPart[], covers: readonly RunId[]): Taken['runs'] {
  return [
    ...covers.map((run) => ({ run, parts: null })),
    ...[...partsByRun(newer)].map(([run, parts]) => ({ run, parts: digest(parts) })),
  ];
}

function partsByRun(newer: readonly CatalogRunPart[]): ReadonlyMap<RunId, readonly CatalogRunPart[]> {
  return Map.groupBy(newer, ({ run }) => run);
}

function digest(parts: readonly CatalogPart[]): string {
  const hash = createHash('sha256');
  for (const { path, sha256 } of parts) hash.update(`${path}\n${sha256}\n`);
  return hash.digest('base64url');
}
