import type { Job, Manifest } from '@hakiri/core';
import type { Entry } from '@hakiri/server';

/** What is scheduled, with what is known of the past: when each pipeline last started, how often it has failed since. */
export function scheduled(manifest: Manifest, jobs: readonly Job[]): readonly Entry[] {
  return manifest.pipelines.flatMap(({ id, schedule }): Entry[] => {
    if (schedule === undefined) return [];
    const own = jobs
      .filter((job) => job.pipeline === id)
      .sort((a, b) => (a.startedAt < b.startedAt ? 1 : a.startedAt > b.startedAt ? -1 : 0));
    const [last] = own;
    const good = own.findIndex(({ state }) => state === 'done');
    const since = good === -1 ? own : own.slice(0, good);
    return [
      {
        id,
        schedule,
        lastStartMs: last === undefined ? undefined : Date.parse(last.startedAt),
        failures: since.filter(({ state }) => state === 'failed' || state === 'partial_failure').length,
      },
    ];
  });
}
