import { createRegistry, type Registry, type Sample } from './registry.ts';

/** What the daemon counts. */
export interface Meter {
  readonly registry: Registry;
  run(pipeline: string, state: string, rows: number, elapsedMs: number): void;
  query(kind: string, outcome: 'done' | 'failed', elapsedMs: number): void;
  tool(tool: string, outcome: string): void;
}

export interface Gauges {
  children(): number;
  running(): number;
  memory(): readonly Sample[];
}

const QUERY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const RUN_SECONDS = [0.5, 1, 5, 15, 60, 300, 1800, 7200];

export function createMeter({ children, running, memory }: Gauges): Meter {
  const registry = createRegistry();
  const runs = registry.counter('hakiri_runs_total', 'Runs of pipelines that have ended.');
  const rows = registry.counter('hakiri_rows_committed_total', 'Rows that runs have committed.');
  const runSeconds = registry.histogram('hakiri_run_seconds', 'How long runs took.', RUN_SECONDS);
  const queries = registry.counter('hakiri_queries_total', 'Questions to the store.');
  const querySeconds = registry.histogram('hakiri_query_seconds', 'How long they took.', QUERY_SECONDS);
  const tools = registry.counter('hakiri_tool_calls_total', 'Calls of MCP tools.');
  registry.gauge('hakiri_runs_running', 'Runs that go on now.', () => [{ value: running() }]);
  registry.gauge('hakiri_engine_children', 'Child processes of the engine.', () => [{ value: children() }]);
  registry.gauge('hakiri_resident_bytes', 'Resident memory.', memory);
  return {
    registry,
    run(pipeline, state, committed, elapsedMs) {
      runs.add({ pipeline, state });
      rows.add({ pipeline }, committed);
      runSeconds.observe({ pipeline }, elapsedMs / 1000);
    },
    query(kind, outcome, elapsedMs) {
      queries.add({ kind, outcome });
      querySeconds.observe({ kind }, elapsedMs / 1000);
    },
    tool: (tool, outcome) => tools.add({ tool, outcome }),
  };
}
