/** `npm run release -- [--profile NAME]... [--platform NAME]... [--outdir DIR] [--record]`: what users install. README.md says more. */
import { copyFileSync, cpSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildProfile } from './src/build-profile.ts';
import { writeChecksums } from './src/checksums.ts';
import { costTable } from './src/cost-table.ts';
import { differencesFromLock } from './src/lock.ts';
import { DIST, RELEASE, ROOT } from './src/paths.ts';
import { PLATFORMS, platformOf } from './src/platform.ts';
import { prepare } from './src/prepare.ts';
import { PROFILES, releaseName } from './src/profile.ts';
import { lastCosts, recordCosts } from './src/recorded-costs.ts';
import { writeReleaseList } from './src/release-list.ts';
import { differencesFromPinned } from './src/runtime.ts';

const { values } = parseArgs({
  options: {
    profile: { type: 'string', multiple: true, default: [...PROFILES] },
    platform: { type: 'string', multiple: true, default: ['linux-x64'] },
    outdir: { type: 'string', default: DIST },
    record: { type: 'boolean', default: false },
  },
});
const profiles = chosen('profiles', PROFILES, values.profile);
const platforms = chosen('platforms', PLATFORMS, values.platform).map(platformOf);
const differences = [...differencesFromLock(), ...differencesFromPinned()];
if (differences.length > 0) {
  process.stderr.write(`What is installed is not what is locked:\n${differences.join('\n')}\n`);
  process.stderr.write('`rm -r node_modules && node scripts/setup.mjs` installs what is locked\n');
  process.exit(1);
}
// Before anything is written.
for (const platform of platforms) {
  const complaint = prepare(platform);
  if (complaint === undefined) continue;
  process.stderr.write(`A release for ${platform.name} cannot be built: ${complaint}\n`);
  process.exit(1);
}
const outdir = resolve(values.outdir);
for (const platform of platforms) {
  for (const profile of profiles) {
    const { file, costs, build } = await buildProfile(profile, platform, outdir);
    const megabytes = (costs.bytes / 1e6).toFixed(2);
    process.stdout.write(`${relative(ROOT, file)}  ${megabytes} MB  build ${build}\n`);
    const isRecorded = platform.name === 'linux-x64';
    const last = isRecorded ? lastCosts()[profile] : undefined;
    process.stdout.write(`${costTable(releaseName(profile, platform.name), costs, last)}\n`);
    if (values.record && isRecorded) recordCosts(profile, costs);
  }
}
copyFileSync(join(RELEASE, 'install.sh'), join(outdir, 'install.sh'));
cpSync(join(RELEASE, 'systemd'), outdir, { recursive: true });
writeReleaseList(outdir);
writeChecksums(outdir);

function chosen<Name extends string>(
  what: string,
  all: readonly Name[],
  asked: readonly string[],
): readonly Name[] {
  const names = all.filter((name) => asked.includes(name));
  if (names.length === new Set(asked).size) return names;
  process.stderr.write(`There are the ${what} ${all.join(', ')}\n`);
  process.exit(2);
}
