import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { EXIT, HakiriError, toHakiriError } from '@hakiri/core';
import type { RunReport, TableReport } from '@hakiri/ingest';
import { commandGrant, runAs } from '../command-grant.ts';
import { jsonDocument } from '../format/json.ts';
import { textTable } from '../format/text-table.ts';
import { formatBytes, formatCount, formatDuration } from '../format/units.ts';
import type { Channel } from '../output.ts';
import { createProgress } from '../progress/progress.ts';
import {
  findProjectFolder,
  MANIFEST_FILE,
  requireKnownFolder,
  requireProjectFolder,
} from '../project-folder.ts';
import { projectNameFrom } from '../recipes/project-name.ts';
import { findRecipe, RECIPES, type Recipe } from '../recipes/recipes.ts';
import { reportError } from '../report-error.ts';
import { selectPipelines } from '../select-pipelines.ts';
import type { Call, Project, Services } from '../services.ts';
import { unknownName } from '../unknown-name.ts';
import { withProject } from '../with-project.ts';
import { writeFileAtomically } from '../write-file.ts';

export interface RunFlags {
  /** Milliseconds. */
  readonly wait: number;
  readonly project?: string;
  readonly json: boolean;
}

/** Exits with the code of the first table's error, or with 130 when it was asked to stop. */
export async function run(call: Call, flags: RunFlags, ...names: readonly string[]): Promise<number> {
  const { services, output } = call;
  const recipe = await writeSampleManifest(services, flags.project, names);
  if (recipe !== undefined && !flags.json) announceSample(recipe, output.err);
  const { report, stopped } = await withProject(services, flags.project, (project) =>
    runProject(call, project, flags, names),
  );
  if (flags.json) output.out.line(jsonDocument(report));
  else printSummary(report, output.err);
  for (const { error } of report.tables) {
    if (error !== undefined) reportError(error, output.err, { json: flags.json, env: services.env });
  }
  const code = exitCode(report, stopped);
  if (code === EXIT.done && recipe !== undefined && !flags.json) suggestNext(recipe, output.err);
  return code;
}

async function runProject(
  { services, output }: Call,
  project: Project,
  flags: RunFlags,
  names: readonly string[],
): Promise<{ readonly report: RunReport; readonly stopped: boolean }> {
  const pipelines = selectPipelines(project, names);
  if (pipelines.length === 0) {
    throw new HakiriError('usage.argument', 'the manifest has no pipeline', {
      hint: `Add one to ${join(project.folder, MANIFEST_FILE)}.`,
    });
  }
  const grant = await commandGrant(services, project);
  const progress = createProgress(output.err, { quiet: flags.json && !output.err.isTerminal });
  const stop = new AbortController();
  const kill = new AbortController();
  const unsubscribe = services.onInterrupt(() => {
    if (!stop.signal.aborted) {
      progress.note('stopping at the next commit; press again to stop now');
      stop.abort();
      return;
    }
    kill.abort();
    progress.end();
    services.exitNow(EXIT.interrupted);
  });
  try {
    const report = await runAs(project, grant, pipelines, () =>
      project.run({
        pipelines,
        waitMs: flags.wait,
        onEvent: progress.show,
        stop: stop.signal,
        kill: kill.signal,
      }),
    );
    return { report, stopped: stop.signal.aborted };
  } finally {
    unsubscribe();
    progress.end();
  }
}

/** Where there is no manifest yet and a recipe is asked for, its sample becomes the manifest. */
async function writeSampleManifest(
  services: Services,
  named: string | undefined,
  names: readonly string[],
): Promise<Recipe | undefined> {
  const folder = resolve(services.cwd, named ?? '.');
  const exists =
    named === undefined ? findProjectFolder(folder) !== undefined : existsSync(join(folder, MANIFEST_FILE));
  const [name, ...more] = names;
  if (exists || name === undefined) return undefined;
  const recipe = findRecipe(name);
  if (recipe === undefined || more.length > 0) throw noManifest(services.cwd, named, name);
  requireKnownFolder(folder);
  await writeFileAtomically(join(folder, MANIFEST_FILE), recipe.sample(projectNameFrom(basename(folder))));
  return recipe;
}

/** A misspelt recipe is worth a better hint than the manifest that is missing. */
function noManifest(cwd: string, named: string | undefined, name: string): unknown {
  const recipes = RECIPES.map((recipe) => recipe.name);
  const suggestion = unknownName('recipe', name, recipes);
  try {
    requireProjectFolder(cwd, named);
  } catch (thrown) {
    const error = toHakiriError(thrown);
    if (recipes.includes(name)) return error;
    return new HakiriError(error.code, `${error.message}, and no recipe "${name}"`, {
      hint: `${suggestion.hint} Or run \`hakiri init\`.`,
      details: { ...error.details, ...suggestion.details },
    });
  }
  return suggestion;
}

function announceSample(recipe: Recipe, channel: Channel): void {
  channel.line(`There is no manifest here: wrote ${MANIFEST_FILE} from the recipe ${recipe.name}.`);
}

function suggestNext(recipe: Recipe, channel: Channel): void {
  channel.line('');
  channel.line('These rows are the sample that comes with Hakiri. Look at them:');
  channel.line(`  hakiri query "${recipe.firstQuery}"`);
  channel.line('Then read a real repository:');
  channel.line(`  ${recipe.liveCommand}`);
}

function printSummary(report: RunReport, channel: Channel): void {
  if (report.tables.length === 0) return;
  const { lines } = textTable(
    [
      { title: 'table', align: 'left' },
      { title: 'state', align: 'left' },
      { title: 'rows', align: 'right' },
      { title: 'set aside', align: 'right' },
      { title: 'commits', align: 'right' },
      { title: 'written', align: 'right' },
      { title: 'time', align: 'right' },
    ],
    report.tables.map(summaryRow),
    channel.isTerminal ? channel.columns : undefined,
  );
  for (const line of lines) channel.line(line);
}

function summaryRow(table: TableReport): readonly string[] {
  return [
    table.ref.table,
    table.state.replace('_', ' '),
    formatCount(table.rows),
    formatCount(table.setAside),
    formatCount(table.commits.length),
    formatBytes(table.commits.reduce((sum, commit) => sum + commit.bytes, 0)),
    formatDuration(table.elapsedMs),
  ];
}

function exitCode(report: RunReport, stopped: boolean): number {
  const failed = report.tables.find((table) => table.error !== undefined && table.state !== 'interrupted');
  if (failed !== undefined) return toHakiriError(failed.error).exitCode;
  if (stopped || report.tables.some((table) => table.state === 'interrupted')) return EXIT.interrupted;
  return EXIT.done;
}
