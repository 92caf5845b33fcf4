import type { WriterJob } from '@hakiri/engine/child';
import type { Profile } from '../profile.ts';

/** What an entry point is made of; each is loaded only by the processes that need it. */
export interface ProfileParts {
  /** Jobs for the engine's children. */
  jobs(): Promise<Readonly<Record<string, () => Promise<WriterJob>>>>;
  profile(): Promise<Profile>;
}

/**
 * Hidden commands, which are how the program starts itself again, are found before anything else is loaded: a child
 * needs none of the command line.
 */
export async function start({ jobs, profile }: ProfileParts): Promise<void> {
  const [first = '', ...rest] = process.argv.slice(2);
  switch (first) {
    case '__engine': {
      const { runEngineChild } = await import('@hakiri/engine/child');
      return runEngineChild(await jobs());
    }
    case '__complete': {
      const { complete } = await import('../complete.ts');
      return complete(rest, await profile());
    }
    case '--version': {
      const { releaseInfo } = await import('../release-info.ts');
      const info = releaseInfo(rest.includes('--json') ? 'json' : 'text');
      if (info === undefined) return commandLine(await profile());
      process.stdout.write(info);
      return;
    }
    default:
      return commandLine(await profile());
  }
}

async function commandLine(profile: Profile): Promise<void> {
  const { main } = await import('../main.ts');
  const { nodeHost } = await import('../node-host.ts');
  process.exitCode = await main(process.argv.slice(2), nodeHost(profile));
}
