import { HakiriError, nearest, toHakiriError } from '@hakiri/core';
import {
  type Application,
  ArgumentParseError,
  buildApplication,
  buildRouteMap,
  type Command,
  FlagNotFoundError,
  type RouteMap,
  text_en,
} from '@stricli/core';
import type { CliContext } from './context.ts';
import { auditRoutes } from './routes/audit.ts';
import { compactRoute } from './routes/compact.ts';
import { completionsRoute } from './routes/completions.ts';
import { describeRoute } from './routes/describe.ts';
import { doctorRoute } from './routes/doctor.ts';
import { exportRoute } from './routes/export.ts';
import { forgetRoute } from './routes/forget.ts';
import { gcRoute } from './routes/gc.ts';
import { initRoute } from './routes/init.ts';
import { keyRoutes } from './routes/key.ts';
import { pipelineRoutes } from './routes/pipeline.ts';
import { planRoute } from './routes/plan.ts';
import { policyRoutes } from './routes/policy.ts';
import { queryRoute } from './routes/query.ts';
import { runRoute } from './routes/run.ts';
import { schemaRoute } from './routes/schema.ts';
import { tablesRoute } from './routes/tables.ts';
import { tokenRoutes } from './routes/token.ts';
import { VERSION } from './version.ts';

export type CommandRoutes = Readonly<Record<string, Command<CliContext> | RouteMap<CliContext>>>;

/**
 * The command line: the commands of the core and `more`. Commands are imported when they run; errors of any kind go
 * to `onFailure`. `prefix` gives the words that led to the command, for hints.
 */
export function buildApp(
  onFailure: (failure: unknown) => void,
  prefix: () => readonly string[],
  more: CommandRoutes,
): Application<CliContext> {
  const fail = (thrown: unknown): string => {
    onFailure(thrown);
    return '';
  };
  return buildApplication<CliContext>(routes(more), {
    name: 'hakiri',
    versionInfo: { currentVersion: VERSION },
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { onlyRequiredInUsageLine: true },
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: (thrown) => fail(argumentError(thrown, prefix().join(' '))),
        noCommandRegisteredForInput: ({ input, corrections }) => fail(unknownCommand(input, corrections)),
        exceptionWhileLoadingCommandFunction: fail,
        exceptionWhileLoadingCommandContext: fail,
        exceptionWhileRunningCommand: fail,
        commandErrorResult: fail,
      },
    },
  });
}

function routes(more: CommandRoutes) {
  return buildRouteMap({
    routes: {
      init: initRoute,
      run: runRoute,
      plan: planRoute,
      query: queryRoute,
      tables: tablesRoute,
      describe: describeRoute,
      ...more,
      pipeline: pipelineRoutes,
      policy: policyRoutes,
      token: tokenRoutes,
      key: keyRoutes,
      export: exportRoute,
      compact: compactRoute,
      gc: gcRoute,
      forget: forgetRoute,
      audit: auditRoutes,
      doctor: doctorRoute,
      schema: schemaRoute,
      completions: completionsRoute,
    },
    docs: {
      brief: 'Pull records into a local context store that agents and people can query',
      fullDescription: [
        'Hakiri pulls records from tools, databases and APIs into Parquet on this machine.',
        '',
        'EXAMPLES',
        '  hakiri run github-issues                     try it: a bundled sample, no network, no account',
        '  hakiri query "select state, count(*) from github_issues group by all"',
        '  hakiri init --recipe github-issues --set repo=owner/name',
        '',
        'Run `hakiri COMMAND --help` for more about a command.',
      ].join('\n'),
    },
  });
}

/** The parser's own errors are told like all others; an error of a flag's own check keeps its code and hint. */
function argumentError(thrown: unknown, command: string): HakiriError {
  if (thrown instanceof ArgumentParseError && thrown.exception instanceof HakiriError) {
    const { code, message, hint, details } = thrown.exception;
    return new HakiriError(code, `${thrown.externalFlagNameOrPlaceholder}: ${message}`, { hint, details });
  }
  const seeHelp = `\`${command} --help\` lists what it takes.`;
  if (thrown instanceof FlagNotFoundError) {
    const meant = nearest(thrown.input, thrown.corrections);
    return new HakiriError('usage.argument', `there is no flag --${thrown.input}`, {
      hint: meant === undefined ? seeHelp : `Did you mean --${meant}? ${seeHelp}`,
      details: { flag: thrown.input, nearest: meant ?? null },
    });
  }
  return new HakiriError('usage.argument', toHakiriError(thrown).message, { hint: seeHelp, cause: thrown });
}

function unknownCommand(input: string, corrections: readonly string[]): HakiriError {
  // Stricli suggests generously and in backticks.
  const meant = nearest(
    input,
    corrections.map((correction) => correction.replaceAll('`', '')),
  );
  const seeHelp = '`hakiri --help` lists the commands.';
  return new HakiriError('usage.argument', `there is no command "${input}"`, {
    hint: meant === undefined ? seeHelp : `Did you mean ${meant}? ${seeHelp}`,
    details: { command: input, nearest: meant ?? null },
  });
}
