import { EXIT } from '@hakiri/core';
import type { DoctorCheck } from '@hakiri/store';
import { jsonDocument } from '../format/json.ts';
import { plural } from '../format/units.ts';
import type { Channel } from '../output.ts';
import { checkProgram } from '../program-check.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { paint } from '../terminal/paint.ts';
import { withProject } from '../with-project.ts';

export interface DoctorFlags {
  readonly rebuildCatalog: boolean;
  readonly repair: boolean;
  readonly project?: string;
  readonly json: boolean;
}

const STYLE = { ok: 'green', warning: 'yellow', failed: 'red' } as const;

/** Exits with 1 when a check failed. */
export async function doctor({ services, output }: Call, flags: DoctorFlags): Promise<number> {
  const program = await checkProgram();
  const { checks: ofStore } = await withProject(services, flags.project, (project) =>
    project.doctor({ rebuildCatalog: flags.rebuildCatalog, repair: flags.repair }),
  );
  const checks = program === undefined ? ofStore : [program, ...ofStore];
  const failed = checks.filter((check) => check.state === 'failed').length;
  if (flags.json) {
    output.out.line(jsonDocument({ healthy: failed === 0, checks }));
  } else {
    for (const check of checks) printCheck(check, output.out);
    output.err.line(failed === 0 ? 'The store is sound.' : `${plural(failed, 'check')} failed.`);
  }
  return failed === 0 ? EXIT.done : EXIT.failed;
}

function printCheck(check: DoctorCheck, channel: Channel): void {
  const state = paint(channel, STYLE[check.state], check.state.padEnd(7));
  channel.line(`${state}  ${escapeLine(check.name)}: ${escapeLine(check.message)}`);
  if (check.path !== undefined) channel.line(`         ${escapeLine(check.path)}`);
  if (check.hint !== undefined) channel.line(`         hint: ${escapeLine(check.hint)}`);
}
