#!/usr/bin/env node
/**
 * The core profile. Hidden commands, which are how the program starts itself again, are found before anything
 * else is loaded: a child needs none of the command line.
 */
const HIDDEN: Readonly<Record<string, (args: readonly string[]) => Promise<unknown>>> = {
  __engine: async () => {
    const { runEngineChild } = await import('@hakiri/engine/child');
    const { storeJobs } = await import('@hakiri/store/jobs');
    await runEngineChild(storeJobs);
  },
  __complete: async (args) => {
    const { complete } = await import('../complete.ts');
    await complete(args);
  },
};

const [first = '', ...rest] = process.argv.slice(2);
const hidden = Object.hasOwn(HIDDEN, first) ? HIDDEN[first] : undefined;
if (hidden === undefined) {
  const { main } = await import('../main.ts');
  const { nodeHost } = await import('../node-host.ts');
  process.exitCode = await main(process.argv.slice(2), nodeHost());
} else {
  await hidden(rest);
}
