import type { IndexFault } from '@hakiri/retrieval/indexes';
import type { DoctorCheck, Repair } from '@hakiri/store';
import { plural } from './format/units.ts';

/** What `doctor` did before it looked, in the form of its checks. */
export function rebuildChecks(rebuilt: {
  readonly runs: readonly unknown[];
  readonly damaged: readonly string[];
}): readonly DoctorCheck[] {
  return [
    {
      name: 'rebuild',
      state: 'ok',
      message: `The catalog was made again from ${plural(rebuilt.runs.length, 'run')}`,
    },
    ...rebuilt.damaged.map((message) => ({ name: 'rebuild', state: 'failed' as const, message })),
  ];
}

export function repairChecks(repairs: readonly Repair[]): readonly DoctorCheck[] {
  if (repairs.length === 0) {
    return [{ name: 'repair', state: 'ok', message: 'No snapshot is damaged' }];
  }
  return repairs.map(({ table, fault, made }) => {
    if (made === undefined) {
      return {
        name: 'repair',
        state: 'failed',
        message: `Too little is left to make the snapshot of ${table} again: ${fault}`,
        hint: 'Restore the file from a copy.',
      };
    }
    const done =
      made === 'manifest'
        ? 'it was written again from the catalog'
        : `its snapshot was made again from ${plural(made.runs, 'run')}, ${plural(made.rows, 'row')}`;
    return { name: 'repair', state: 'ok', message: `${table}: ${fault}; ${done}` };
  });
}

/** What is wrong with indexes: never the data, which is served without them. */
export function checksOfIndexes(faults: readonly IndexFault[]): readonly DoctorCheck[] {
  if (faults.length === 0)
    return [{ name: 'indexes', state: 'ok', message: 'Every index is what was built' }];
  return faults.map(({ table, index, path, fault }) => ({
    name: 'indexes',
    state: 'failed',
    message: `${table}: a file of ${index === undefined ? 'its indexes' : `the index ${index}`} ${fault}`,
    path,
    hint: 'Run `hakiri index rebuild`: it is made again from the data.',
  }));
}
