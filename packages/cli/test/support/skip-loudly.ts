import type { TestContext } from 'node:test';

/** Skips so that nobody overlooks it: a test that never ran has shown nothing. */
export function skipLoudly(t: TestContext, why: string): void {
  process.stderr.write(`\n*** NOT TESTED: ${t.name}: ${why}\n\n`);
  t.skip(why);
}
