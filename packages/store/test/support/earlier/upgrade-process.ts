import type { Files } from '@hakiri/core';
import { layout } from '../../../src/disk/layout.ts';
import { nodeFiles } from '../../../src/disk/node-files.ts';
import { upgradeStore } from '../../../src/upgrade/upgrade-store.ts';

/** `upgrade-process.ts ROOT PROJECT AT`: upgrades a store; kills itself before the operation of that number. */
const [root = '', project = '', at = '0'] = process.argv.slice(2);
let operations = 0;
const files = Object.fromEntries(
  Object.entries(nodeFiles).map(([name, operation]) => [
    name,
    (...args: never[]) => {
      operations++;
      if (operations === Number(at)) process.kill(process.pid, 'SIGKILL');
      return (operation as (...args: never[]) => unknown)(...args);
    },
  ]),
) as unknown as Files;
await upgradeStore({
  files,
  clock: {
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  },
  paths: layout(root, project),
  onUpgrade: ({ from, to }) => console.log(`upgraded from ${from} to ${to}`),
});
console.log(`operations ${operations}`);
