import { HakiriError, type SourceWarning } from '@hakiri/core';
import { greaterIncremental } from '../toolkit/incremental-value.ts';
import { mergeConcurrently } from '../toolkit/merge-concurrently.ts';
import { ndjsonLines } from '../toolkit/ndjson-lines.ts';
import { parentValues, withParentColumn } from './parent-column.ts';
import { nothing, pullList } from './pull-list.ts';
import { type PullContext, type PulledPiece, pullResource } from './pull-resource.ts';
import type { ParentLink, Resource } from './resource.ts';
import { MAX_ETAGS, type ResourceState } from './resource-state.ts';

const MAX_CONCURRENT = 4;

/**
 * Pulls a resource once for each row of its parent. Where only the parent tells what changed, only the children
 * of parents that changed are read; a child that can be asked for changes itself is asked for every parent.
 */
export async function* pullChildren(
  child: Resource,
  link: ParentLink,
  context: PullContext,
  from: ResourceState | undefined,
): AsyncGenerator<PulledPiece> {
  const parentFrom = child.incremental === undefined ? from?.parent : undefined;
  const seen = createChildStates(from);
  let pagesDone = 0;

  const parents = pullResource(
    link.resource,
    { ...context, maxRecordBytes: PARENT_RECORD_BYTES },
    parentFrom,
  );
  for await (const parentPiece of parents) {
    const pulls = childPulls(child, link, context, from, parentPiece.records, seen);
    for await (const piece of mergeConcurrently(pulls, MAX_CONCURRENT)) {
      pagesDone++;
      // States and ends of single children say nothing of the table.
      yield {
        records: piece.records,
        rows: piece.rows,
        setAside: piece.setAside,
        pages: { done: pagesDone },
        ...(piece.warnings === undefined ? {} : { warnings: piece.warnings }),
      };
    }
    const { state, end, warnings } = parentPiece;
    if (state === undefined && end === undefined) continue;
    if (end !== undefined) seen.refuseWhenNoneExists();
    const isSettled = end !== undefined || child.incremental === undefined;
    const mayMove = state !== undefined && isSettled && !seen.changedWhileReading();
    yield {
      ...nothing(pagesDone),
      ...(mayMove ? { state: seen.state(child, state) } : {}),
      ...(end === undefined
        ? {}
        : {
            end: mayMove && seen.allWhole() ? end : 'partial',
            warnings: [...(warnings ?? []), ...seen.warnings(child)],
          }),
    };
  }
}

/** Parents are read for their keys: no limit of a table applies to them. */
const PARENT_RECORD_BYTES = 64 * 1024 * 1024;

function* childPulls(
  child: Resource,
  link: ParentLink,
  context: PullContext,
  from: ResourceState | undefined,
  parents: Uint8Array,
  seen: ChildStates,
): Generator<AsyncGenerator<PulledPiece>> {
  for (const parent of ndjsonLines(parents)) {
    const values = parentValues(child, link, parent);
    if (values !== undefined) yield pullChild(child, link, context, from, values, seen);
  }
}

async function* pullChild(
  child: Resource,
  link: ParentLink,
  context: PullContext,
  from: ResourceState | undefined,
  values: { readonly path: string; readonly rawKey: string },
  seen: ChildStates,
): AsyncGenerator<PulledPiece> {
  // The boundary of another parent's records is none of this one's; the value and the ETags serve all.
  const start = from === undefined ? undefined : { ...from, boundary: [] };
  let first = true;
  try {
    for await (const piece of pullList(child, values.path, context, start)) {
      first = false;
      seen.took(piece);
      const records = withParentColumn(piece.records, link.param, values.rawKey);
      if (piece.rows > 0 || piece.setAside.length > 0) yield { ...piece, records };
    }
  } catch (error) {
    // A parent that is gone by now has no children; that it never had an address shows when none has.
    if (!first || !(error instanceof HakiriError) || error.code !== 'source.not_found') throw error;
    seen.missed(error);
  }
}

interface ChildStates {
  took(piece: PulledPiece): void;
  missed(error: HakiriError): void;
  changedWhileReading(): boolean;
  /** No child left anything out, because it was known or has not changed. */
  allWhole(): boolean;
  refuseWhenNoneExists(): void;
  warnings(child: Resource): readonly SourceWarning[];
  state(child: Resource, parent: ResourceState): ResourceState;
}

/** What the pulls of all children come to. */
function createChildStates(from: ResourceState | undefined): ChildStates {
  let value = from?.value;
  let found = 0;
  let changed = false;
  let whole = true;
  const missed: HakiriError[] = [];
  const etags: Record<string, string> = { ...from?.etags };

  return {
    took(piece) {
      if (piece.end === undefined) return;
      found++;
      changed ||= piece.state === undefined;
      whole &&= piece.end === 'whole';
      value = greaterIncremental(value, piece.state?.value);
      Object.assign(etags, piece.state?.etags);
    },
    missed: (error) => missed.push(error),
    changedWhileReading: () => changed,
    allWhole: () => whole,
    refuseWhenNoneExists() {
      const [error] = missed;
      if (found === 0 && error !== undefined) throw error;
    },
    warnings(child) {
      const [error] = missed;
      if (error === undefined) return [];
      const message = `${child.name}: ${missed.length} parent rows have no list of their own any more (${error.message})`;
      return [{ code: 'source.not_found', message }];
    },
    state: (child, parent) => ({
      parent,
      etags: Object.fromEntries(Object.entries(etags).slice(-MAX_ETAGS)),
      ...(child.incremental === undefined || value === undefined
        ? {}
        : { column: child.incremental.column, value }),
    }),
  };
}
