import type {
  Catalog,
  CatalogTable,
  Job,
  JobId,
  PipelineId,
  RunManifest,
  SchemaFingerprint,
  TableName,
  TableSchema,
} from '@hakiri/core';

/** A catalog that lives as long as its process: for tests, and the plainest statement of what a catalog does. */
export function memoryCatalog(): Catalog {
  const runs: RunManifest[] = [];
  const schemas = new Map<SchemaFingerprint, TableSchema>();
  const jobs = new Map<string, Job>();
  const jobKey = (job: JobId, pipeline: PipelineId) => `${job}/${pipeline}`;
  const inOrder = (keep: (run: RunManifest) => boolean) =>
    runs.filter(keep).sort((a, b) => (a.run < b.run ? -1 : 1));
  const schemaOf = (fingerprint: SchemaFingerprint): TableSchema =>
    schemas.get(fingerprint) ?? { columns: [] };

  const table = (name: TableName): CatalogTable | undefined => {
    const own = inOrder((run) => run.table === name);
    const last = own.at(-1);
    return (
      last && {
        name,
        mode: last.mode,
        primaryKey: last.primary_key,
        incremental: last.incremental,
        fingerprint: last.schema,
        schema: schemaOf(last.schema),
        greatestOrder: last.greatest_order,
        lastRun: last.run,
        lastCommit: last.committed_at,
        setAside: own.reduce((sum, run) => sum + (run.quarantine?.rows ?? 0), 0),
        pipelines: [...new Set(own.map((run) => run.pipeline))].sort(),
        parts: own.flatMap(({ run, parts }) =>
          parts.map((part) => ({ ...part, run, columns: schemaOf(part.schema) })),
        ),
      }
    );
  };

  return {
    async commitRun(manifest, known) {
      if (runs.some(({ run }) => run === manifest.run)) return;
      for (const [fingerprint, schema] of known) schemas.set(fingerprint, schema);
      runs.push(manifest);
    },
    runIds: async () => new Set(runs.map(({ run }) => run)),
    runs: async (name) => inOrder((run) => run.table === name),
    tables: async () =>
      [...new Set(runs.map((run) => run.table))].sort().flatMap((name) => table(name) ?? []),
    table: async (name) => table(name),
    async cursor(pipeline, sourceTable) {
      const last = inOrder((run) => run.pipeline === pipeline && run.source_table === sourceTable).at(-1);
      return last && { cursor: last.cursor.after, inputSchema: schemaOf(last.input_schema), run: last.run };
    },
    schemaHistory: async (name) =>
      inOrder((run) => run.table === name && run.schema_changes.length > 0).map((run) => ({
        run: run.run,
        fingerprint: run.schema,
        changes: run.schema_changes,
        at: run.committed_at,
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
