import {
  HakiriError,
  type PullEstimate,
  type PullRequest,
  type RecordBatch,
  type Source,
} from '@hakiri/core';
import { estimateResource } from '../http/estimate-resource.ts';
import { describeResource, parseBaseUrl, toBatch } from '../http/http-source.ts';
import { type PullContext, pullResource } from '../http/pull-resource.ts';
import { createAuthenticator } from '../toolkit/auth.ts';
import { concernsOneList } from '../toolkit/concerns-one-list.ts';
import { createHttpClient } from '../toolkit/http-client.ts';
import { parseConfig } from '../toolkit/parse-config.ts';
import { postForm } from '../toolkit/post-form.ts';
import { createRedactor } from '../toolkit/redactor.ts';
import { recordLimit, type SourceContext, tableMode } from '../toolkit/source-context.ts';
import { unknownTable } from '../toolkit/unknown-table.ts';
import { type GithubConfig, githubConfigSchema } from './config.ts';
import { decodeRepoStates, encodeRepoStates, type RepoStates } from './cursor.ts';
import {
  DESCRIPTIONS,
  GITHUB_TABLES,
  type GithubTable,
  githubColumns,
  githubResource,
  isGithubTable,
} from './resources.ts';

const DEFAULT_TOKEN = 'GITHUB_TOKEN';
const SAMPLE_REPO = 'hakiri/sample';

const NO_TOKEN = {
  code: 'source.rate_limited',
  message: 'github is read without a token: 60 requests an hour are allowed. Add secrets = ["GITHUB_TOKEN"].',
} as const;

const HEADERS = { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' };

/** Repositories of GitHub, or of a server with its API. Throws source.config and secret.missing. */
export function createGithubSource(config: unknown, context: SourceContext): Source {
  const parsed = parseConfig(githubConfigSchema, config, 'github');
  const repos = reposOf(parsed);
  const origin = parseBaseUrl(parsed.base_url, 'github').origin;
  if (parsed.sample && context.transport === undefined) {
    throw new HakiriError('internal', 'the sample was asked for, but not given');
  }
  const redactor = createRedactor();
  const base = createHttpClient({ context, origin, redactor });
  const token = tokenName(parsed, context);
  if (token === undefined && !parsed.sample) context.warn(NO_TOKEN);
  const auth = token === undefined ? undefined : ({ type: 'bearer', token } as const);
  const client = base.with(createAuthenticator(auth, context, redactor, postForm(base)));
  const lookbackMs = context.lookbackMs ?? 0;

  const pullContext = (request: PullRequest, repo: string): PullContext => ({
    client,
    baseUrl: parsed.base_url,
    headers: HEADERS,
    maxRecordBytes: recordLimit(context, request.table),
    prefix: Buffer.from(`"repo":${JSON.stringify(repo)},`),
    digestKey: context.digestKey,
    signal: request.signal,
  });

  async function* pull(request: PullRequest): AsyncGenerator<RecordBatch> {
    const table = tableOf(request.table);
    const countsEveryRow = tableMode(context, request.table) === 'append';
    const failures: RepoFailure[] = [];
    let states: RepoStates = decodeRepoStates(request.cursor) ?? {};
    let isWhole = true;
    for (const [index, repo] of repos.entries()) {
      const resource = githubResource(table, repo, lookbackMs);
      // Rows that the next pull of this repository gives again.
      let unsettled = 0;
      try {
        for await (const piece of pullResource(resource, pullContext(request, repo), states[repo])) {
          unsettled = piece.state === undefined ? unsettled + piece.rows : 0;
          if (piece.state !== undefined) states = { ...states, [repo]: piece.state };
          const isLast = index === repos.length - 1;
          isWhole &&= piece.end !== 'partial';
          const end = piece.end === undefined || !isLast ? undefined : isWhole ? 'whole' : 'partial';
          const { end: _, ...rest } = piece;
          yield toBatch(
            end === undefined ? rest : { ...rest, end },
            piece.state === undefined ? undefined : encodeRepoStates(states),
          );
        }
      } catch (error) {
        // Going on would take rows that are not settled for settled: harmless only where a key tells them apart.
        if (!concernsOneList(error) || (unsettled > 0 && countsEveryRow)) throw error;
        failures.push({ repo, error });
        isWhole = false;
      }
    }
    throwFailures(failures, repos.length);
  }

  return {
    discover: async () => describeGithubTables(parsed),
    schema: async (table) => ({ columns: githubColumns(tableOf(table)) }),
    pull,
    commitCursor: async () => {},
    async estimate(request): Promise<PullEstimate> {
      const repo = repos[0]!;
      const resource = githubResource(tableOf(request.table), repo, lookbackMs);
      const state = decodeRepoStates(request.cursor)?.[repo];
      const estimate = await estimateResource(resource, pullContext(request, repo), state);
      // One cheap request tells of one repository; what the others hold is not known.
      return repos.length === 1 ? estimate : withoutPages(estimate);
    },
    close: () => client.close(),
  };
}

interface RepoFailure {
  readonly repo: string;
  readonly error: HakiriError;
}

/** Said only once the others are read: one repository that is gone must not keep them from going on. */
function throwFailures(failures: readonly RepoFailure[], repos: number): void {
  const [first] = failures;
  if (first === undefined) return;
  if (repos === 1) throw first.error;
  const names = failures.map(({ repo }) => repo).join(', ');
  const { code, message, hint, details } = first.error;
  throw new HakiriError(
    code,
    `${failures.length} of ${repos} repositories could not be read to their end (${names}): ${message}`,
    { hint, cause: first.error, ...(details === undefined ? {} : { details }) },
  );
}

/** The tables, without a request. */
export function describeGithubTables(config: GithubConfig) {
  const tables = config.sample ? (['issues'] as const) : GITHUB_TABLES;
  return tables.map((table) => ({
    ...describeResource(githubResource(table, SAMPLE_REPO, 0)),
    description: DESCRIPTIONS[table],
  }));
}

function reposOf(config: GithubConfig): readonly string[] {
  if (config.repo === undefined && !config.sample) {
    throw new HakiriError('source.config', 'github: "repo" is missing', { hint: 'Set repo = "owner/name".' });
  }
  return [...new Set([config.repo ?? SAMPLE_REPO].flat())];
}

function tokenName(config: GithubConfig, context: SourceContext): string | undefined {
  if (config.sample) return undefined;
  return config.token ?? (context.secrets.includes(DEFAULT_TOKEN) ? DEFAULT_TOKEN : undefined);
}

function tableOf(name: string): GithubTable {
  if (!isGithubTable(name)) throw unknownTable(name, GITHUB_TABLES);
  return name;
}

function withoutPages({ pages: _, ...rest }: PullEstimate): PullEstimate {
  return rest;
}
