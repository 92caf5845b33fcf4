import type { Manifest, Pipeline } from '@hakiri/core';

/** What differs between two manifests, in words; no value of a configuration is among them. */
export function manifestDiff(before: Manifest, after: Manifest): readonly string[] {
  const old = new Map(before.pipelines.map((pipeline) => [pipeline.id, pipeline]));
  const now = new Map(after.pipelines.map((pipeline) => [pipeline.id, pipeline]));
  return [
    ...[...now.keys()].filter((id) => !old.has(id)).map((id) => `pipeline ${id} added`),
    ...[...old.keys()].filter((id) => !now.has(id)).map((id) => `pipeline ${id} removed`),
    ...[...now].flatMap(([id, pipeline]) => {
      const previous = old.get(id);
      const keys = previous === undefined ? [] : changedKeys(previous, pipeline);
      return keys.length === 0 ? [] : [`pipeline ${id} changed: ${keys.join(', ')}`];
    }),
    ...(same(before.transforms, after.transforms) ? [] : ['transforms changed']),
    ...(same(before.embeddings, after.embeddings) ? [] : ['embeddings changed']),
    ...(same(before.policies, after.policies) ? [] : ['policies changed']),
    ...(same(before.project.publicKeys, after.project.publicKeys) ? [] : ['public keys changed']),
  ];
}

function changedKeys(before: Pipeline, after: Pipeline): readonly string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof Pipeline)[];
  return keys.filter((key) => !same(before[key], after[key]));
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
