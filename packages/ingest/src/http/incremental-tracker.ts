import { keyedDigest } from '../toolkit/digest.ts';
import {
  compareIncremental,
  formatIncremental,
  type IncrementalValue,
  lookBack,
} from '../toolkit/incremental-value.ts';
import { ndjsonLines, ndjsonLinesBackwards } from '../toolkit/ndjson-lines.ts';
import { fieldPath, rawFieldText } from '../toolkit/top-level-field.ts';
import type { ResourceIncremental } from './resource.ts';
import type { ResourceState } from './resource-state.ts';

/** Follows the incremental column through a pull: what to ask for, what is known already, how far it came. */
export interface IncrementalTracker {
  /** What the first request asks for; undefined when it asks for everything. */
  readonly since: string | undefined;
  /** The pull goes on from an earlier one. */
  readonly resumes: boolean;
  /** The records of a piece that are not known yet. */
  take(records: Uint8Array): TakenRecords;
  /** A list in descending order has come down to what is known. */
  reachedKnown(): boolean;
  /** What a request for everything after the records taken so far asks for; undefined when nothing was gained. */
  seek(): string | undefined;
  /** Records come in ascending order, by promise and by what was seen: the state holds in the middle of a pull. */
  isAscending(): boolean;
  state(): ResourceState;
}

export interface TakenRecords {
  readonly records: Uint8Array;
  /** How many were left out. */
  readonly dropped: number;
}

/** More records than this with one value are not all remembered: the rest is taken again, which a key makes harmless. */
const MAX_BOUNDARY = 200;

/** @param digestKey see `SourceContext.digestKey` */
export function createIncrementalTracker(
  incremental: ResourceIncremental,
  from: ResourceState | undefined,
  digestKey?: Uint8Array,
): IncrementalTracker {
  const { order, format, lookbackMs, param, start, seek } = incremental;
  const path = fieldPath(incremental.column);
  const known = from?.column === incremental.column ? from.value : undefined;
  const floor = known === undefined ? undefined : lookBack(known, format, lookbackMs);

  let greatest: IncrementalValue | undefined = known;
  // Records with the greatest value: digests from the cursor, and records of this pull, hashed only when asked for.
  let digests: string[] = known === undefined ? [] : [...(from?.boundary ?? [])];
  let fresh: Uint8Array[] = [];
  // What comes again because requests include the value they ask for. Counted: equal records may be meant.
  let expected = { value: known, left: countOf(digests) };
  let lastValue: IncrementalValue | undefined;
  let disordered = false;
  let sought: IncrementalValue | undefined;
  let seekIsIgnored = false;

  const remember = (value: IncrementalValue, record: Uint8Array): void => {
    const step = greatest === undefined ? 1 : compareIncremental(value, greatest);
    if (step > 0) {
      greatest = value;
      digests = [];
      fresh = [];
    }
    if (step >= 0 && digests.length + fresh.length < MAX_BOUNDARY) fresh.push(record);
  };
  const boundary = (): readonly string[] => {
    digests.push(...fresh.map((record) => keyedDigest(record, digestKey)));
    fresh = [];
    return digests;
  };
  const isKnown = (value: IncrementalValue, record: Uint8Array): boolean => {
    if (floor !== undefined && param === undefined && compareIncremental(value, floor) < 0) return true;
    if (value !== expected.value || expected.left.size === 0) return false;
    const key = keyedDigest(record, digestKey);
    const left = expected.left.get(key) ?? 0;
    if (left > 0) expected.left.set(key, left - 1);
    return left > 0;
  };

  /**
   * Of records in ascending order the first and the last tell enough, once all are past what is known. False when
   * they are not, or the order is in doubt: then each record must be looked at.
   */
  const takeEnds = (records: Uint8Array): boolean => {
    const [first] = ndjsonLines(records);
    const firstValue = first && rawFieldText(first, path);
    const isPast = (value: IncrementalValue, other: IncrementalValue | undefined): boolean =>
      other === undefined || compareIncremental(value, other) > 0;
    if (firstValue === undefined || !isPast(firstValue, expected.value)) return false;
    const ends: Uint8Array[] = [];
    for (const record of ndjsonLinesBackwards(records)) {
      const value = rawFieldText(record, path);
      const last = ends[0] === undefined ? value : rawFieldText(ends[0], path);
      if (value === undefined || last === undefined) return false;
      if (isPast(firstValue, last) || (lastValue !== undefined && isPast(lastValue, firstValue)))
        return false;
      if (value !== last || ends.length >= MAX_BOUNDARY) break;
      ends.push(record);
    }
    for (const record of ends.reverse()) {
      lastValue = rawFieldText(record, path)!;
      remember(lastValue, record);
    }
    return true;
  };

  return {
    resumes: known !== undefined,
    since:
      param === undefined
        ? undefined
        : known === undefined
          ? start
          : formatIncremental(known, format, lookbackMs),
    take(records) {
      if (order === 'ascending' && !seek && takeEnds(records)) return { records, dropped: 0 };
      const kept: Uint8Array[] = [];
      let dropped = 0;
      for (const record of ndjsonLines(records)) {
        const value = rawFieldText(record, path);
        if (value === undefined) {
          kept.push(record);
          continue;
        }
        if (lastValue !== undefined && compareIncremental(value, lastValue) < 0) disordered = true;
        if (sought !== undefined && compareIncremental(value, sought) < 0) seekIsIgnored = true;
        lastValue = value;
        if (isKnown(value, record)) {
          dropped++;
          continue;
        }
        remember(value, record);
        kept.push(record);
      }
      return { records: dropped === 0 ? records : joinLines(kept), dropped };
    },
    reachedKnown: () =>
      order === 'descending' &&
      floor !== undefined &&
      lastValue !== undefined &&
      compareIncremental(lastValue, floor) < 0,
    seek: () => {
      if (seekIsIgnored || disordered || greatest === undefined || expected.value === greatest)
        return undefined;
      sought = greatest;
      expected = { value: greatest, left: countOf(boundary()) };
      lastValue = undefined;
      return formatIncremental(greatest, format, 0);
    },
    isAscending: () => order === 'ascending' && !disordered,
    state: () => ({
      column: incremental.column,
      ...(greatest === undefined ? {} : { value: greatest }),
      ...(boundary().length === 0 ? {} : { boundary: [...boundary()] }),
    }),
  };
}

function countOf(digests: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const digest of digests) counts.set(digest, (counts.get(digest) ?? 0) + 1);
  return counts;
}

const NEWLINE = Buffer.from('\n');

function joinLines(lines: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
}
