import { BUILT_IN_MODEL, type IndexSpec } from '../index-spec.ts';
import type { RawIndex } from './index-schema.ts';

export function toIndexes(
  raw: Readonly<Record<string, RawIndex>> | undefined,
  dims: ReadonlyMap<string, number>,
): readonly IndexSpec[] {
  return Object.entries(raw ?? {}).map(([name, index]) => toIndex(name, index, dims));
}

function toIndex(name: string, raw: RawIndex, dims: ReadonlyMap<string, number>): IndexSpec {
  // Exactly one of the two is there: the schema has seen to it.
  const columns = raw.columns ?? (raw.column === undefined ? [] : [raw.column]);
  if (raw.kind === 'fts') return { kind: 'fts', name, columns, analyzer: raw.analyzer ?? 'english' };
  const model = raw.model ?? BUILT_IN_MODEL;
  return {
    kind: 'vector',
    name,
    columns,
    model,
    dims: dims.get(model) ?? 0,
    metric: 'cosine',
    scan: raw.scan ?? 'int8',
  };
}

/** The first name that two lists give to different indexes. */
export function indexConflict(a: readonly IndexSpec[], b: readonly IndexSpec[]): string | undefined {
  return b.find((index) => {
    const other = a.find(({ name }) => name === index.name);
    return other !== undefined && !sameIndex(other, index);
  })?.name;
}

/** What either declares; equal ones once. */
export function joinIndexes(a: readonly IndexSpec[], b: readonly IndexSpec[]): readonly IndexSpec[] {
  return [...a, ...b.filter((index) => !a.some(({ name }) => name === index.name))];
}

/** Both are made by `toIndex`, with their keys in one order. */
function sameIndex(a: IndexSpec, b: IndexSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
