import {
  type Catalog,
  type CatalogPart,
  type CatalogTable,
  type DeltaHead,
  greaterOrder,
  HakiriError,
  type Job,
  type JobId,
  type PartEntry,
  type PipelineId,
  type RunId,
  type RunManifest,
  type SchemaFingerprint,
  type SnapshotId,
  type SnapshotManifest,
  type TableName,
  type TableSchema,
} from '@hakiri/core';
import { fingerprint } from '../commit/fingerprint.ts';
import { deltaFile } from '../disk/layout.ts';
import { momentOf, parseMoment, type RunFacts } from './as-of.ts';
import { JOBS_KEPT } from './jobs-kept.ts';
import { mergedSchema } from './merged-schema.ts';

/** A catalog that lives as long as its process: for tests, and the plainest statement of what a catalog does. */
export function memoryCatalog(): Catalog {
  /** In the order of their commits. */
  const runs: RunManifest[] = [];
  const snapshots = new Map<SnapshotId, SnapshotManifest>();
  const deltas = new Map<RunId, DeltaHead>();
  const collected = new Set<RunId>();
  const schemas = new Map<SchemaFingerprint, TableSchema>();
  const jobs = new Map<string, Job>();
  const jobKey = (job: JobId, pipeline: PipelineId) => `${job}/${pipeline}`;
  const inOrder = (keep: (run: RunManifest) => boolean) =>
    runs.filter(keep).sort((a, b) => (a.run < b.run ? -1 : 1));
  const learn = (known: ReadonlyMap<SchemaFingerprint, TableSchema>): void => {
    for (const [fingerprint, schema] of known) schemas.set(fingerprint, schema);
  };
  const schemaOf = (fingerprint: SchemaFingerprint): TableSchema =>
    schemas.get(fingerprint) ?? { columns: [] };
  /** What holds the columns of all of them, oldest first. */
  const columnsOf = (of: readonly { readonly schema: SchemaFingerprint }[]) => {
    const schema = of
      .map((from) => schemaOf(from.schema))
      .reduce((all, columns) => mergedSchema(all, { schema: columns, isNewest: true }));
    return { fingerprint: fingerprint(schema), schema };
  };
  const withColumns = (part: PartEntry): CatalogPart => ({ ...part, columns: schemaOf(part.schema) });
  const snapshotsOf = (table: TableName): readonly SnapshotManifest[] =>
    [...snapshots.values()]
      .filter((snapshot) => snapshot.table === table)
      .sort((a, b) => (a.snapshot < b.snapshot ? -1 : 1));
  const deltasOf = (table: TableName): readonly DeltaHead[] =>
    [...deltas.values()].filter((head) => head.table === table).sort((a, b) => (a.run < b.run ? -1 : 1));
  const coveredBy = ({ run, table }: RunManifest): SnapshotId | null =>
    snapshotsOf(table).find(({ covers }) => covers.includes(run))?.snapshot ?? null;
  const atSnapshot = (manifest: SnapshotManifest | undefined): CatalogTable['snapshot'] =>
    manifest && { manifest, parts: manifest.partitions.flatMap(({ parts }) => parts.map(withColumns)) };
  const runParts = (of: readonly RunManifest[]): CatalogTable['newer'] =>
    of.flatMap(({ run, parts }) => parts.map((part) => ({ ...withColumns(part), run })));
  const toDelta = (head: DeltaHead) => ({
    run: head.run,
    path: deltaFile(head.table, head.node, head.run),
    columns: schemaOf(head.schema),
  });

  const table = (name: TableName): CatalogTable | undefined => {
    const own = inOrder((run) => run.table === name);
    const lastRun = own.at(-1);
    const lastDelta = deltasOf(name).at(-1);
    const last = lastDelta && (!lastRun || lastDelta.run > lastRun.run) ? lastDelta : lastRun;
    return (
      last && {
        name,
        mode: last.mode,
        primaryKey: last.primary_key,
        incremental: last.incremental,
        subjectColumns: last.subject_columns,
        ...columnsOf([...own, ...deltasOf(name)].sort((a, b) => (a.run < b.run ? -1 : 1))),
        greatestOrder: greatestOf([...own, ...deltasOf(name)]),
        lastRun: last.run,
        lastCommit: timeOf(last),
        setAside: own.reduce((sum, run) => sum + (run.quarantine?.rows ?? 0), 0),
        pipelines: [...new Set(own.map((run) => run.pipeline))].sort(),
        snapshot: atSnapshot(snapshotsOf(name).at(-1)),
        newer: runParts(own.filter((run) => coveredBy(run) === null)),
        deltas: deltasOf(name).map(toDelta),
      }
    );
  };

  const factsOf = (run: RunManifest): RunFacts => ({
    run: run.run,
    seq: runs.indexOf(run),
    startedAt: run.started_at,
    committedAt: run.committed_at,
    coveredBy: coveredBy(run),
    collected: collected.has(run.run),
    folded: run.delta !== null,
  });

  return {
    async commitRun(manifest, known) {
      if (runs.some(({ run }) => run === manifest.run)) return;
      learn(known);
      runs.push(manifest);
      deltas.delete(manifest.run);
    },
    runIds: async () => new Set(runs.map(({ run }) => run)),
    async commitSnapshot(manifest, known) {
      learn(known);
      if (!snapshots.has(manifest.snapshot)) snapshots.set(manifest.snapshot, manifest);
    },
    snapshotIds: async () => new Set(snapshots.keys()),
    snapshots: async (name) => snapshotsOf(name),
    async commitDelta(head, known) {
      if (runs.some(({ run }) => run === head.run)) return;
      learn(known);
      deltas.set(head.run, head);
    },
    uncovered: async (name) => inOrder((run) => run.table === name && coveredBy(run) === null),
    runs: async (name) => inOrder((run) => run.table === name),
    tables: async () =>
      [...new Set([...runs, ...deltas.values()].map((of) => of.table))]
        .sort()
        .flatMap((name) => table(name) ?? []),
    table: async (name) => table(name),
    async tableAsOf(name, asOf) {
      const now = table(name);
      if (!now) return undefined;
      const moment = parseMoment(asOf);
      const at = 'run' in moment ? runs.find(({ run }) => run === moment.run) : undefined;
      if ('run' in moment && !at)
        throw new HakiriError('usage.unknown_name', `There is no run ${moment.run}`);
      const place = {
        time: at?.committed_at ?? ('time' in moment ? moment.time : ''),
        seq: at && runs.indexOf(at),
      };
      const own = runs.filter((run) => run.table === name);
      const found = momentOf(own.map(factsOf), snapshotsOf(name), place);
      const manifestsOf = (of: readonly RunFacts[]) =>
        of.flatMap(({ run }) => own.find((manifest) => manifest.run === run) ?? []);
      const newer = manifestsOf(found.runs);
      const unfolded = manifestsOf(found.unfolded);
      const open = deltasOf(name).filter((head) => head.started_at <= place.time);
      const holding = [...(found.snapshot ? [found.snapshot] : []), ...newer, ...unfolded, ...open];
      if (holding.length === 0) return undefined;
      return {
        ...now,
        ...columnsOf(holding),
        snapshot: atSnapshot(found.snapshot),
        newer: runParts(newer),
        deltas: [
          ...unfolded.map(({ run, delta, schema: held }) => ({
            run,
            path: delta?.path ?? '',
            columns: schemaOf(held),
            until: place.time,
          })),
          ...open.map((head) => ({ ...toDelta(head), until: place.time })),
        ],
      };
    },
    async collect(gone) {
      for (const run of gone.runs) collected.add(run);
      for (const id of gone.snapshots) snapshots.delete(id);
    },
    async drop(gone) {
      for (const run of gone) {
        const at = runs.findIndex((known) => known.run === run && collected.has(run));
        if (at !== -1) runs.splice(at, 1);
      }
    },
    coveredRuns: async (name) =>
      inOrder((run) => run.table === name && !collected.has(run.run)).flatMap((run) => {
        const by = coveredBy(run);
        const bytes = run.parts.reduce((sum, part) => sum + part.bytes, 0);
        return by === null ? [] : [{ run: run.run, coveredBy: by, bytes }];
      }),
    collectedRuns: async (name) =>
      new Set(runs.filter((run) => run.table === name && collected.has(run.run)).map(({ run }) => run)),
    async retract(snapshot) {
      snapshots.delete(snapshot);
    },
    async rewrite(manifests) {
      for (const manifest of manifests.runs) {
        const at = runs.findIndex(({ run }) => run === manifest.run);
        if (at !== -1) runs[at] = manifest;
      }
      for (const manifest of manifests.snapshots) snapshots.set(manifest.snapshot, manifest);
    },
    async cursor(pipeline, sourceTable) {
      const last = inOrder(
        (run) => run.pipeline === pipeline && run.source_table === sourceTable && run.delta === null,
      ).at(-1);
      return last && { cursor: last.cursor.after, inputSchema: schemaOf(last.input_schema), run: last.run };
    },
    schemaHistory: async (name) =>
      [...inOrder((run) => run.table === name), ...deltasOf(name)]
        .filter((of) => of.schema_changes.length > 0)
        .map((of) => ({
          run: of.run,
          fingerprint: of.schema,
          changes: of.schema_changes,
          at: timeOf(of),
        })),
    async startJob(job, pipeline, startedAt) {
      jobs.set(jobKey(job, pipeline), {
        job,
        pipeline,
        state: 'running',
        startedAt,
        endedAt: null,
        errorCode: null,
      });
    },
    async endJob(job, pipeline, end) {
      const started = jobs.get(jobKey(job, pipeline));
      if (started) jobs.set(jobKey(job, pipeline), { ...started, ...end });
      const own = [...jobs.values()].filter((other) => other.pipeline === pipeline);
      const old = own.sort((a, b) => (a.job < b.job ? 1 : -1)).slice(JOBS_KEPT);
      for (const other of old) if (other.state !== 'running') jobs.delete(jobKey(other.job, pipeline));
    },
    async closeAbandonedJobs(endedAt) {
      const abandoned = [...jobs.values()].filter(({ state }) => state === 'running');
      for (const job of abandoned) {
        const committed = runs.some((run) => run.job === job.job && run.pipeline === job.pipeline);
        const state = committed ? 'partial_failure' : 'failed';
        jobs.set(jobKey(job.job, job.pipeline), { ...job, state, endedAt, errorCode: 'interrupted' });
      }
      return abandoned.length;
    },
    jobs: async () =>
      [...jobs.values()].sort((a, b) =>
        a.job === b.job ? (a.pipeline < b.pipeline ? -1 : 1) : a.job < b.job ? 1 : -1,
      ),
    close: async () => {},
  };
}

/** When a run was committed; small writes are known from when they began. */
function timeOf(of: RunManifest | DeltaHead): string {
  return (of as Partial<RunManifest>).committed_at ?? of.started_at;
}

function greatestOf(of: readonly (RunManifest | DeltaHead)[]): string | null {
  return of.map(({ greatest_order: order }) => order).reduce(greaterOrder, null);
}
