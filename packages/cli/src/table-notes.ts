import type { Manifest, TableName } from '@hakiri/core';
import { tableNameOf } from '@hakiri/core/manifest';

/** What the manifest says of its tables, by the name they have in the store. */
export function tableNotes(manifest: Manifest) {
  const notes = new Map<TableName, { description: string | undefined; hints: ReadonlyMap<string, string> }>();
  for (const pipeline of manifest.pipelines) {
    for (const table of pipeline.tables ?? []) {
      const hints = table.columns.flatMap(({ name, agentHint }) =>
        agentHint === undefined ? [] : [[name, agentHint] as const],
      );
      notes.set(tableNameOf(pipeline, table), {
        description: table.agentDescription,
        hints: new Map(hints),
      });
    }
  }
  return notes;
}
