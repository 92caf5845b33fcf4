import type { TablePlan } from '@hakiri/ingest';
import { jsonDocument } from '../format/json.ts';
import { formatBytes, plural } from '../format/units.ts';
import type { Channel } from '../output.ts';
import { selectPipelines } from '../select-pipelines.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
import { withProject } from '../with-project.ts';

export interface PlanFlags {
  readonly project?: string;
  readonly json: boolean;
}

export async function plan(
  { services, output }: Call,
  flags: PlanFlags,
  ...names: readonly string[]
): Promise<undefined> {
  const plans = await withProject(services, flags.project, async (project) =>
    project.plan(selectPipelines(project, names)),
  );
  if (flags.json) {
    output.out.line(jsonDocument({ tables: plans }));
    return;
  }
  if (plans.length === 0) output.err.line('The manifest has no pipeline: there is nothing to run.');
  for (const [i, tablePlan] of plans.entries()) {
    if (i > 0) output.out.line('');
    printPlan(tablePlan, output.out);
  }
}

function printPlan(plan: TablePlan, channel: Channel): void {
  channel.line(paint(channel, 'bold', `${plan.ref.pipeline}: ${plan.ref.source} -> ${plan.ref.table}`));
  const fact = (title: string, value: string): void =>
    channel.line(`  ${title.padEnd(12)} ${escapeLine(value)}`);
  fact('mode', plan.mode);
  fact('key', plan.primaryKey.join(', ') || 'none');
  fact('incremental', plan.incremental ?? 'no');
  fact('from', plan.cursor ?? 'the start');
  fact('expected', expected(plan));
  const [first = 'unchanged', ...others] = plan.schemaChanges ?? ['unknown: nothing can be read ahead'];
  fact('schema', first);
  for (const change of others) fact('', change);
  for (const warning of plan.warnings) {
    channel.line(`  ${paint(channel, 'yellow', 'warning'.padEnd(12))} ${escapeLine(warning)}`);
  }
}

function expected(plan: TablePlan): string {
  const parts = [
    plan.pages === undefined ? undefined : plural(plan.pages, 'page'),
    plan.files === undefined ? undefined : plural(plan.files, 'file'),
    plan.bytes === undefined ? undefined : formatBytes(plan.bytes),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? 'unknown: the source does not say' : parts.join(', ');
}
