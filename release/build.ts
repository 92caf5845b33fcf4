/** `npm run release -- [--profile core|full]... [--outdir DIR]`: what users install, for linux-x64. README.md says more. */
import { relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildProfile } from './src/build-profile.ts';
import { writeChecksums } from './src/checksums.ts';
import { DIST, ROOT } from './src/paths.ts';
import { PROFILES } from './src/profile.ts';
import { missingTools } from './src/tools.ts';

const { values } = parseArgs({
  options: {
    profile: { type: 'string', multiple: true, default: [...PROFILES] },
    outdir: { type: 'string', default: DIST },
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
const outdir = resolve(values.outdir);
for (const profile of profiles) {
  const { program, sizeBytes, packedSizes, build } = await buildProfile(profile, outdir);
  process.stdout.write(`${relative(ROOT, program)}  ${megabytes(sizeBytes)} MB  build ${build}\n`);
  for (const [name, bytes] of [...packedSizes].sort(([, one], [, other]) => other - one))
    process.stdout.write(`${megabytes(bytes).padStart(8)}  ${name}\n`);
}
writeChecksums(outdir);

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}
