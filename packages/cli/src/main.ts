import { toHakiriError } from '@hakiri/core';
import { run } from '@stricli/core';
import { buildApp } from './app.ts';
import type { Host } from './node-host.ts';
import { createOutput } from './output.ts';
import { reportError } from './report-error.ts';
import { createScrubber } from './scrub.ts';
import type { Call, Services } from './services.ts';
import { escapeLine } from './terminal/escape.ts';

/** Runs one command line. Gives the exit code; writes errors, and never throws. */
export async function main(argv: readonly string[], host: Host): Promise<number> {
  const context = createContext(host);
  const { output } = context;
  const failures: unknown[] = [];
  const app = buildApp(
    (failure) => failures.push(failure),
    () => prefix,
    host.profile.routes,
  );
  let prefix: readonly string[] = ['hakiri'];
  let exitCode = 0;
  const setExitCode = (code: number): void => {
    exitCode = code;
  };
  // Stricli writes help to the one and its own error texts to the other; those are reported below instead.
  const streams = {
    stdout: { write: output.out.write, getColorDepth: () => (output.out.colour ? 4 : 1) },
    stderr: { write: () => {} },
  };
  const process = { ...streams, env: {}, exitCode: 0 };
  const forCommand = (info: { readonly prefix: readonly string[] }) => {
    prefix = info.prefix;
    return { ...context, process, setExitCode };
  };
  await run(app, argv, { process, forCommand }).catch((failure: unknown) => failures.push(failure));

  const json = asksForJson(argv);
  for (const failure of failures) reportError(failure, output.err, { json, env: host.env });
  const [first] = failures;
  return first === undefined ? exitCode : toHakiriError(first).exitCode;
}

/** What commands and completions work with, for a given world. */
export function createContext(host: Host): Call {
  const scrubber = createScrubber();
  const output = createOutput(host, host.env, scrubber);
  const note = (message: string): void => output.err.line(`note: ${escapeLine(message)}`);
  const services: Services = {
    cwd: host.cwd,
    env: host.env,
    scrubber,
    openProject: (folder, staying) => host.openProject(folder, { env: host.env, scrubber, note, staying }),
    readStdin: host.readStdin,
    confirm: host.confirm,
    onInterrupt: host.onInterrupt,
    writeBytes: host.writeBytes,
    stdio: host.stdio,
    exitNow: host.exitNow,
  };
  return { services, output };
}

/** Known before the command line is parsed, because the error may be in the parsing. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}
