import { join } from 'node:path';
import {
  BUILT_IN_DIMS,
  BUILT_IN_MODEL,
  EXIT,
  HakiriError,
  type Manifest,
  nearest,
  type TableName,
} from '@hakiri/core';
import { type ManifestFile, readManifest, tableNameOf } from '@hakiri/core/manifest';
import type { IndexState } from '@hakiri/retrieval/indexes';
import { requireOwner } from '../command-grant.ts';
import { jsonDocument } from '../format/json.ts';
import { type IndexName, type NewModel, withIndexModel } from '../index-model.ts';
import { createIndexProgress } from '../progress/index-progress.ts';
import { readManifestFiles } from '../read-manifest.ts';
import type { Call, IndexRebuild, Project } from '../services.ts';
import { unknownName } from '../unknown-name.ts';
import { withProject } from '../with-project.ts';
import { writeFileAtomically } from '../write-file.ts';

export interface IndexRebuildFlags {
  readonly model?: string;
  /** Milliseconds. */
  readonly wait: number;
  readonly project?: string;
  readonly json: boolean;
}

/** Throws `query.unknown_table`, `query.no_index`, `embedding.*`, `interrupted`, `store.compacting`. */
export async function rebuildIndexes(
  call: Call,
  flags: IndexRebuildFlags,
  name?: string,
): Promise<undefined> {
  const { services, output } = call;
  requireOwner(services);
  await withProject(services, flags.project, async (project) => {
    const wanted = wantedOf(await project.indexes(), name);
    const becoming = flags.model === undefined ? undefined : await newModel(project, wanted, flags.model);
    const progress = createIndexProgress(output.err, { quiet: flags.json && !output.err.isTerminal });
    const stop = new AbortController();
    const unsubscribe = services.onInterrupt(() => {
      if (stop.signal.aborted) {
        progress.end();
        services.exitNow(EXIT.interrupted);
        return;
      }
      progress.note('stopping after this part; press again to stop now');
      stop.abort(new HakiriError('interrupted', 'The indexes were not built to the end'));
    });
    try {
      await project.rebuildIndexes({
        tables: [...new Set(wanted.map(({ table }) => table))],
        index: indexOf(name),
        becoming: becoming?.becoming,
        waitMs: flags.wait,
        onTable: () => {},
        onNote: progress.note,
        onProgress: progress.show,
        kill: stop.signal,
      });
    } finally {
      unsubscribe();
      progress.end();
    }
    const changed = becoming?.files.map(({ file }) => file) ?? [];
    if (flags.json) output.out.line(jsonDocument({ rebuilt: wanted.map(named), changed }));
    else for (const file of changed) output.err.line(`${file} now names ${flags.model}.`);
  });
}

function named({ table, spec }: IndexState): { readonly table: TableName; readonly index: string } {
  return { table, index: spec.name };
}

function indexOf(name: string | undefined): string | undefined {
  return name?.split('.')[1];
}

/** Throws `query.unknown_table`, `query.no_index`. */
function wantedOf(states: readonly IndexState[], name: string | undefined): readonly IndexState[] {
  if (name === undefined) return states;
  const [table, index] = name.split('.');
  const ofTable = states.filter((state) => state.table === table);
  if (ofTable.length === 0) {
    const tables = [...new Set(states.map((state) => state.table))];
    const hint = 'Only tables with rows and declared indexes have any.';
    throw unknownName('table', table ?? '', tables, { code: 'query.unknown_table', hint });
  }
  const wanted = ofTable.filter(({ spec }) => index === undefined || spec.name === index);
  if (wanted.length > 0) return wanted;
  const names = ofTable.map(({ spec }) => spec.name);
  const meant = nearest(index ?? '', names);
  throw new HakiriError('query.no_index', `${table} has no index "${index}"`, {
    hint: `${meant === undefined ? '' : `Did you mean ${table}.${meant}? `}There is: ${names.join(', ')}.`,
  });
}

interface Change {
  readonly files: readonly ManifestFile[];
  readonly becoming: IndexRebuild['becoming'];
}

/** Everything that may be wrong with the new manifest is told before anything is built. */
async function newModel(project: Project, wanted: readonly IndexState[], name: string): Promise<Change> {
  const { folder, manifest } = project;
  const model = modelOf(manifest, name);
  const indexes = inManifest(manifest, wanted);
  if (indexes.length === 0) {
    throw new HakiriError('usage.argument', '--model is for vector indexes that the manifest declares');
  }
  const change = async () => {
    const files = await readManifestFiles(folder);
    const changed = await withIndexModel(files, indexes, model);
    const after = files.map((file) => changed.find((other) => other.file === file.file) ?? file);
    return { changed, manifest: readManifest(after) };
  };
  const before = await change();
  // Where the manifest names it already, there is nothing to move to.
  if (before.changed.length === 0) return { files: [], becoming: undefined };
  return {
    files: before.changed,
    becoming: {
      manifest: before.manifest,
      // The files as they are by then: what somebody else wrote meanwhile stays.
      async publish() {
        for (const { file, text } of (await change()).changed)
          await writeFileAtomically(join(folder, file), text);
      },
    },
  };
}

function modelOf(manifest: Manifest, name: string): NewModel {
  if (name === BUILT_IN_MODEL) return { model: name, dims: BUILT_IN_DIMS };
  const embedding = manifest.embeddings.find(({ model }) => model === name);
  if (embedding !== undefined) return { model: name, dims: embedding.dims };
  const known = [...manifest.embeddings.map(({ model }) => model), BUILT_IN_MODEL];
  const meant = nearest(name, known);
  throw new HakiriError('embedding.unknown_model', `no model "${name}" is defined`, {
    hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}There is: ${known.join(', ')}.`,
    details: { model: name },
  });
}

function inManifest(manifest: Manifest, wanted: readonly IndexState[]): readonly IndexName[] {
  const declared = new Set(
    manifest.pipelines.flatMap((pipeline) =>
      (pipeline.tables ?? []).map((table) => tableNameOf(pipeline, table)),
    ),
  );
  // Twins become what their index becomes.
  return wanted
    .filter(({ table, spec }) => spec.kind === 'vector' && spec.scrubbed === undefined && declared.has(table))
    .map(named);
}
