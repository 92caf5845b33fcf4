import { HakiriError, type SourceWarning } from '@hakiri/core';
import { concernsOneList } from '../toolkit/concerns-one-list.ts';
import { greaterIncremental } from '../toolkit/incremental-value.ts';
import { mergeConcurrently } from '../toolkit/merge-concurrently.ts';
import { ndjsonLines } from '../toolkit/ndjson-lines.ts';
import { parentValues, withParentColumn } from './parent-column.ts';
import { nothing, pullList } from './pull-list.ts';
import { type PullContext, type PulledPiece, pullResource } from './pull-resource.ts';
import type { ParentLink, Resource } from './resource.ts';
import { MAX_ETAGS, type OwedList, type ResourceState } from './resource-state.ts';

const MAX_CONCURRENT = 4;

/**
 * Pulls a resource once for each row of its parent. Where only the parent tells what changed, only the children
 * of parents that changed are read; a child that can be asked for changes itself is asked for every parent.
 * A list that fails holds up no other: the cursor names it, and the failure is thrown once all others are read.
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
      yield childPiece(piece, ++pagesDone);
    }
    const { state, end, warnings } = parentPiece;
    if (state === undefined && end === undefined) continue;
    if (end !== undefined) {
      const rest = seen.restOwed().map((owed) => pullChild(child, link, context, from, owed, seen));
      for await (const piece of mergeConcurrently(rest, MAX_CONCURRENT)) yield childPiece(piece, ++pagesDone);
    }
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
  seen.throwFailures(child);
}

/** States and ends of single children say nothing of the table. */
function childPiece({ records, rows, setAside, warnings }: PulledPiece, pagesDone: number): PulledPiece {
  return {
    records,
    rows,
    setAside,
    pages: { done: pagesDone },
    ...(warnings === undefined ? {} : { warnings }),
  };
}

/** More lists than this that fail in one pull are no matter of single lists. */
const MAX_OWED = 20;

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
    if (values === undefined) continue;
    const { value } = from ?? {};
    const list = seen.takeOwed(values.path) ?? { ...values, ...(value === undefined ? {} : { value }) };
    yield pullChild(child, link, context, from, list, seen);
  }
}

async function* pullChild(
  child: Resource,
  link: ParentLink,
  context: PullContext,
  from: ResourceState | undefined,
  list: OwedList,
  seen: ChildStates,
): AsyncGenerator<PulledPiece> {
  // The boundary of another parent's records is none of this one's; the ETags serve all.
  const { value: _, ...known } = from ?? {};
  const reached = list.value === undefined ? {} : { value: list.value };
  const start = from === undefined ? undefined : { ...known, ...reached, boundary: [] };
  let first = true;
  let rows = 0;
  try {
    for await (const piece of pullList(child, list.path, context, start)) {
      first = false;
      seen.took(piece);
      rows += piece.rows;
      const records = withParentColumn(piece.records, link.param, list.rawKey);
      if (piece.rows > 0 || piece.setAside.length > 0) yield { ...piece, records };
    }
  } catch (error) {
    if (!concernsOneList(error)) throw error;
    // A parent that is gone by now has no children; that it never had an address shows when none has.
    if (first && error.code === 'source.not_found') {
      seen.missed(error);
      return;
    }
    // The list is read again from its start: rows that come twice are harmless only where a key tells them apart.
    const mayOwe = rows === 0 || child.primaryKey.length > 0;
    if (!mayOwe || !seen.owe(list, error)) throw error;
  }
}

interface ChildStates {
  took(piece: PulledPiece): void;
  missed(error: HakiriError): void;
  /** Puts a list off to the next pull; false when so many have failed that it is no longer about single lists. */
  owe(list: OwedList, error: HakiriError): boolean;
  /** The list of that path as the last pull left it, if it left it. */
  takeOwed(path: string): OwedList | undefined;
  /** All lists of the last pull that no parent row has named again. */
  restOwed(): readonly OwedList[];
  throwFailures(child: Resource): void;
  changedWhileReading(): boolean;
  /** No child left anything out, because it was known, has not changed, or could not be read. */
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
  const failures: HakiriError[] = [];
  const before = new Map(from?.owed?.map((list) => [list.path, list]));
  const owed: OwedList[] = [];
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
    owe(list, error) {
      if (failures.length === MAX_OWED) return false;
      failures.push(error);
      owed.push(list);
      return true;
    },
    takeOwed(path) {
      const list = before.get(path);
      before.delete(path);
      return list;
    },
    restOwed() {
      const rest = [...before.values()];
      before.clear();
      return rest;
    },
    throwFailures(child) {
      const [error] = failures;
      if (error === undefined) return;
      const { code, message, hint, details } = error;
      const count = failures.length === 1 ? '1 list' : `${failures.length} lists`;
      throw new HakiriError(code, `${count} of ${child.name} could not be read: ${message}`, {
        hint,
        cause: error,
        ...(details === undefined ? {} : { details }),
      });
    },
    changedWhileReading: () => changed,
    allWhole: () => whole && missed.length === 0 && failures.length === 0,
    refuseWhenNoneExists() {
      const [error] = missed;
      if (found === 0 && failures.length === 0 && error !== undefined) throw error;
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
      ...(before.size + owed.length === 0 ? {} : { owed: [...before.values(), ...owed] }),
      ...(child.incremental === undefined || value === undefined
        ? {}
        : { column: child.incremental.column, value }),
    }),
  };
}
