import { type JsonValue, type LogicalType, type RunId, type TableMode, ulidTimeMs } from '@hakiri/core';

/** What decides who wins, before run and sequence: numbers and times as numbers, null below everything. */
export type OrderValue = bigint | number | string | null;

export type Values = Readonly<Record<string, JsonValue>>;

/** One record as it was taken in. */
export interface Version {
  readonly key: string;
  readonly keyValues: readonly JsonValue[];
  readonly subject: string | null;
  /** Undefined: a delete. */
  readonly values: Values | undefined;
  readonly value: OrderValue;
  readonly run: RunId;
  readonly seq: number;
  readonly atMs: number;
  /** Position in the order of commits to this store. */
  readonly born: number;
}

export interface TableRules {
  readonly mode: TableMode;
  readonly primaryKey: readonly string[];
  readonly incremental: string | undefined;
  readonly isPartitioned: boolean;
}

/** A table as plain lists: every version that may still count, and every one that ever did. */
export interface TableModel {
  readonly rules: TableRules;
  readonly columns: Map<string, LogicalType>;
  /** What the files hold, as far as it decides anything. */
  versions: Version[];
  /** For questions about the past. */
  all: Version[];
  /** Deletes past their time in partitions that nobody rewrote: they may be there, or not. */
  maybe: Version[];
  /** Runs that some snapshot has merged. */
  readonly merged: Set<RunId>;
  /** Keys of which a delete was forgotten. */
  readonly unsure: Set<string>;
  greatest: OrderValue;
  readonly erasedKeys: Set<string>;
  readonly erasedSubjects: Set<string>;
  born: number;
}

export function emptyModel(rules: TableRules): TableModel {
  return {
    rules,
    columns: new Map(),
    versions: [],
    all: [],
    maybe: [],
    merged: new Set(),
    unsure: new Set(),
    greatest: null,
    erasedKeys: new Set(),
    erasedSubjects: new Set(),
    born: 0,
  };
}

export function cloneModel(model: TableModel): TableModel {
  return {
    ...model,
    columns: new Map(model.columns),
    versions: [...model.versions],
    all: [...model.all],
    maybe: [...model.maybe],
    merged: new Set(model.merged),
    unsure: new Set(model.unsure),
    erasedKeys: new Set(model.erasedKeys),
    erasedSubjects: new Set(model.erasedSubjects),
  };
}

export function compareValues(a: OrderValue, b: OrderValue): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

export function compareVersions(a: Version, b: Version): number {
  return compareValues(a.value, b.value) || (a.run < b.run ? -1 : a.run > b.run ? 1 : 0) || a.seq - b.seq;
}

/** The newest version of each key, deletes included; of a table in which every row counts, all of them. */
export function newest({ mode, primaryKey }: TableRules, versions: readonly Version[]): Version[] {
  if (mode === 'append' || primaryKey.length === 0) return [...versions];
  const best = new Map<string, Version>();
  for (const version of versions) {
    const other = best.get(version.key);
    if (!other || compareVersions(version, other) > 0) best.set(version.key, version);
  }
  return [...best.values()];
}

export const alive = (rules: TableRules, versions: readonly Version[]): Version[] =>
  newest(rules, versions).filter(({ values }) => values !== undefined);

export const isErased = (
  { erasedKeys, erasedSubjects }: TableModel,
  { key, subject }: Pick<Version, 'key' | 'subject'>,
): boolean => erasedKeys.has(key) || (subject !== null && erasedSubjects.has(subject));

/** Takes a commit in. What was forgotten does not come back. */
export function take(model: TableModel, versions: readonly Version[]): void {
  for (const version of versions) {
    if (compareValues(version.value, model.greatest) > 0) model.greatest = version.value;
    if (isErased(model, version)) continue;
    const taken = { ...version, born: model.born };
    model.versions.push(taken);
    model.all.push(taken);
  }
  model.born++;
}

/** A snapshot has merged these runs and dropped deletes from before the horizon. */
export function merge(model: TableModel, covers: Iterable<RunId>, horizonMs: number): Version[] {
  for (const run of covers) model.merged.add(run);
  const isDropped = ({ values, run }: Version): boolean =>
    values === undefined && ulidTimeMs(run) < horizonMs;
  const covered = newest(
    model.rules,
    model.versions.filter(({ run }) => model.merged.has(run)),
  );
  const dropped = covered.filter(isDropped);
  const kept = covered.filter((version) => !isDropped(version));
  for (const { key } of dropped) model.unsure.add(key);
  if (model.rules.isPartitioned) model.maybe.push(...dropped);
  model.versions = [...kept, ...model.versions.filter(({ run }) => !model.merged.has(run))];
  return kept;
}

/** Removes every version of a key or a subject. */
export function forget(model: TableModel, what: { key: string } | { subject: string }): void {
  if ('key' in what) model.erasedKeys.add(what.key);
  else model.erasedSubjects.add(what.subject);
  const stays = (version: Version): boolean => !isErased(model, version);
  model.versions = model.versions.filter(stays);
  model.all = model.all.filter(stays);
  model.maybe = model.maybe.filter(stays);
}
