import { HakiriError } from '@hakiri/core';
import type { Recipe } from './recipes.ts';

const LIVE_COMMAND = 'hakiri init --recipe github-issues --set repo=owner/name';

/** Dropped from the manifest once it reads a real repository: it would no longer be true. */
const SAMPLE_COMMENT = [
  '# This reads the sample that comes with Hakiri: no network, no account.',
  `# To read a real repository: ${LIVE_COMMAND}`,
  '',
].join('\n');

const SECRETS = ['GITHUB_TOKEN'];

export const githubIssues: Recipe = {
  name: 'github-issues',
  brief: 'Issues of a GitHub repository',
  settings: [{ name: 'repo', brief: 'owner/name of the repository' }],
  liveCommand: LIVE_COMMAND,
  firstQuery: 'select state, count(*) as issues, sum(comments) as comments from github_issues group by all',
  sample: (project) =>
    `${header(project)}${SAMPLE_COMMENT}[[pipeline]]
id = "github-issues"
source = { connector = "github", config = { sample = true } }
${TABLE}`,
  live: (project, settings) =>
    `${header(project)}[[pipeline]]
id = "github-issues"
source = { connector = "github", config = { repo = ${JSON.stringify(requireRepo(settings))} } }
# Names only. The value comes from the environment, from a systemd credential, or from a line
# GITHUB_TOKEN=... in .hakiri/secrets.env (mode 0600). Without this line public repositories are read
# without an account, 60 requests an hour.
secrets = ${JSON.stringify(SECRETS)}
${TABLE}`,
  goLive,
};

function header(project: string): string {
  return `# Written by Hakiri. \`hakiri schema\` prints what may stand here.
[project]
name = ${JSON.stringify(project)}

`;
}

const TABLE = `incremental = "updated_at"            # a run takes only what changed since the last one
lookback = "10m"                      # and reads this much again, for rows that commit late

  [[pipeline.tables]]
  source = "issues"
  name = "github_issues"
  primary_key = ["id"]
  agent_description = "Issues and pull requests of the tracked repositories, one row each. Filter by repo and state; pull requests have a pull_request."
  columns.title = { agent_hint = "One line, written by the reporter." }
  columns.body = { agent_hint = "Markdown, written by the reporter; null when empty." }
  # What searches look into: words, and likeness by the built-in model, which compares words and their pieces.
  # A model that knows meanings is named under [embedding."NAME"]; then: hakiri index rebuild --model NAME
  indexes.words = { kind = "fts", columns = ["title", "body"] }
  indexes.likeness = { kind = "vector", columns = ["title", "body"] }
`;

interface SamplePipeline {
  readonly id?: unknown;
  readonly source?: { readonly connector?: unknown; readonly config?: { readonly sample?: unknown } };
}

async function goLive(manifest: string, settings: ReadonlyMap<string, string>): Promise<string | undefined> {
  const { parse, patch } = await import('@decimalturn/toml-patch');
  const document = parse(manifest) as { readonly pipeline?: readonly SamplePipeline[] };
  const isSample = ({ id, source }: SamplePipeline): boolean =>
    id === githubIssues.name && source?.connector === 'github' && source.config?.sample === true;
  if (document.pipeline?.some(isSample) !== true) return undefined;
  const repo = requireRepo(settings);
  const pipeline = document.pipeline.map((entry) =>
    isSample(entry) ? { ...entry, source: { ...entry.source, config: { repo } }, secrets: SECRETS } : entry,
  );
  return patch(manifest.replace(SAMPLE_COMMENT, ''), { ...document, pipeline });
}

function requireRepo(settings: ReadonlyMap<string, string>): string {
  const repo = settings.get('repo');
  if (repo !== undefined && /^[\w.-]+\/[\w.-]+$/.test(repo)) return repo;
  throw new HakiriError(
    'usage.argument',
    repo === undefined ? 'the recipe github-issues needs a repo' : `"${repo}" is not a repository`,
    { hint: `Name it as owner/name: ${LIVE_COMMAND}` },
  );
}
