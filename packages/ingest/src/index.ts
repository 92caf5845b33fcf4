export { sampleBytes as readSample } from './github/sample/sample.asset.ts';
export { createSampleTransport } from './github/sample/sample-transport.ts';
export * from './runner/plan-pipelines.ts';
export type { OpenRedactor } from './runner/redactor-of.ts';
export { type ResolvedTable, resolveTables } from './runner/resolve-tables.ts';
export * from './runner/run-events.ts';
export { type JobBook, type RunnerOptions, runPipelines, stepsFor } from './runner/run-pipelines.ts';
export { type BuiltInSource, builtInSources } from './sources.ts';
