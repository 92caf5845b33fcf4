import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The README's first command: pull the sample into the store, ask it something, show the files. */

const root = join(import.meta.dirname, '..');
const entry = join(root, 'packages/cli/src/entry/full.ts');

const isFirst = !existsSync(join(root, 'hakiri.toml'));
hakiri(isFirst ? ['run', 'github-issues'] : ['run']);
hakiri([
  'query',
  `select label.name as label, count(*) filter (state = 'open') as open, count(*) filter (state = 'closed') as closed
   from (select state, unnest(labels) as label from github_issues) group by all order by open desc, label limit 8`,
]);
console.log('\nThe files, for duckdb, sqlite3 and cat:');
for (const file of files(join(root, '.hakiri'))) {
  if (/\.(parquet|sqlite|sql)$/.test(file))
    console.log(`  ${relative(root, file)}  ${statSync(file).size} bytes`);
}

/** Shows the command, runs it here, and ends with its exit code when it fails. */
function hakiri(args: readonly string[]): void {
  console.log(
    `\n$ npx hakiri ${args.map((arg) => (/^[\w-]+$/.test(arg) ? arg : `"${arg.replace(/\s+/g, ' ')}"`)).join(' ')}`,
  );
  const { status } = spawnSync(process.execPath, [entry, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function files(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((item) => (item.isDirectory() ? files(join(folder, item.name)) : [join(folder, item.name)]))
    .sort();
}
