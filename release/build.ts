/** `npm run release -- [--profile core|full]... [--outdir DIR] [--record]`: what users install, for linux-x64. README.md says more. */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildProfile } from './src/build-profile.ts';
import { writeChecksums } from './src/checksums.ts';
import { costTable } from './src/cost-table.ts';
import { differencesFromLock } from './src/lock.ts';
import { DIST, ROOT } from './src/paths.ts';
import { PROFILES, programName } from './src/profile.ts';
import { lastCosts, recordCosts } from './src/recorded-costs.ts';
import { missingTools } from './src/tools.ts';

const { values } = parseArgs({
  options: {
    profile: { type: 'string', multiple: true, default: [...PROFILES] },
    outdir: { type: 'string', default: DIST },
    record: { type: 'boolean', default: false },
  },
});
const profiles = PROFILES.filter((profile) => values.profile.includes(profile));
if (profiles.length !== new Set(values.profile).size) {
  process.stderr.write(`There are the profiles ${PROFILES.join(' and ')}\n`);
  process.exit(2);
}
const missing = missingTools();
if (missing.length > 0) {
  process.stderr.write(`A release cannot be built here: ${missing.join(', ')} missing\n`);
  process.exit(1);
}
const differences = differencesFromLock();
if (differences.length > 0) {
  process.stderr.write(`What is installed is not what package-lock.json has:\n${differences.join('\n')}\n`);
  process.stderr.write('`node scripts/setup.mjs` installs what is locked\n');
  process.exit(1);
}
const outdir = resolve(values.outdir);
for (const profile of profiles) {
  const { program, costs, build } = await buildProfile(profile, outdir);
  const megabytes = (costs.bytes / 1e6).toFixed(2);
  process.stdout.write(`${relative(ROOT, program)}  ${megabytes} MB  build ${build}\n`);
  process.stdout.write(`${costTable(programName(profile), costs, lastCosts()[profile])}\n`);
  if (values.record) recordCosts(profile, costs);
}
writeChecksums(outdir);
