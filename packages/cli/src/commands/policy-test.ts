import { manifestFacts, unmet } from '@hakiri/access';
import { EMPTY_SCHEMA, HakiriError } from '@hakiri/core';
import { jsonDocument } from '../format/json.ts';
import { plural } from '../format/units.ts';
import { policyTables } from '../policy-tables.ts';
import type { Call } from '../services.ts';
import { escapeLine } from '../terminal/escape.ts';
import { withProject } from '../with-project.ts';

export interface PolicyTestFlags {
  readonly project?: string;
  readonly json: boolean;
}

/** Checks what the manifest expects of its policies. Throws `policy.unexpected` when something does not hold. */
export async function testPolicies({ services, output }: Call, flags: PolicyTestFlags): Promise<undefined> {
  const results = await withProject(services, flags.project, async (project) => {
    const { policyTests } = project.manifest;
    const tables = policyTests.length === 0 ? [] : await policyTables(project);
    const factsOf = manifestFacts(project.manifest);
    return policyTests.map((test) => {
      const schema = tables.find(({ name }) => name === test.table)?.schema ?? EMPTY_SCHEMA;
      return { name: test.name, table: test.table, unmet: unmet(test, factsOf(test.table), schema) };
    });
  });
  const failed = results.filter((result) => result.unmet.length > 0);
  if (flags.json) output.out.line(jsonDocument({ tests: results, failed: failed.length }));
  else {
    if (results.length === 0) output.err.line('The manifest expects nothing: write a [[policy_test]].');
    for (const { name, table, unmet } of results) {
      output.out.line(`${unmet.length === 0 ? 'ok  ' : 'FAIL'}  ${escapeLine(`${table}: ${name}`)}`);
      for (const what of unmet) output.out.line(`      ${escapeLine(what)}`);
    }
  }
  if (failed.length === 0) return;
  throw new HakiriError(
    'policy.unexpected',
    `${plural(failed.length, 'expectation')} of ${results.length} failed`,
  );
}
