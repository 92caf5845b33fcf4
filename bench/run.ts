/** `npm run bench [-- NAME...] [--scale small] [--json]`: every bar beside its reference, from the same run. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { access } from './access.ts';
import { audit } from './audit.ts';
import { binary } from './binary.ts';
import { compaction } from './compaction.ts';
import { hybrid } from './hybrid.ts';
import { ingest } from './ingest.ts';
import { keyword } from './keyword.ts';
import { mcp } from './mcp.ts';
import { memory } from './memory.ts';
import { pointRead } from './point-read.ts';
import { publish } from './publish.ts';
import { smallWrites } from './small-writes.ts';
import { startup } from './startup.ts';
import { type Bar, printBar, type Scale } from './support/report.ts';
import { view } from './view.ts';

const BENCHES: Readonly<Record<string, (scale: Scale, dataFolder: string) => Promise<readonly Bar[]>>> = {
  access,
  audit,
  binary,
  compaction,
  hybrid,
  ingest,
  keyword,
  mcp,
  memory,
  'point-read': pointRead,
  publish,
  'small-writes': smallWrites,
  startup,
  view,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { scale: { type: 'string', default: 'full' }, json: { type: 'boolean', default: false } },
});
const scale: Scale = values.scale === 'small' ? 'small' : 'full';
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const unknown = names.find((name) => !(name in BENCHES));
if (unknown !== undefined) {
  process.stderr.write(`There is no bench "${unknown}"; there are: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}

const root = new URL('..', import.meta.url).pathname;
const built = spawnSync(process.execPath, ['scripts/bundle.ts'], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
});
if (built.status !== 0) process.exit(1);

for (const name of names) {
  for (const bar of (await BENCHES[name]?.(scale, `${root}bench/.data`)) ?? []) printBar(bar, values.json);
}
