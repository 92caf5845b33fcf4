import { createRandom, type Random } from './random.ts';
import { issueText } from './texts.ts';

const SEED = 20250301;
const COUNT = 1200;
const FIRST_MS = Date.UTC(2023, 0, 9, 8, 0, 0);
const LAST_MS = Date.UTC(2026, 2, 1, 18, 0, 0);
const API = 'https://api.github.com';
const WEB = 'https://github.com';
const REPO = 'hakiri/sample';

const LOGINS = [
  'ada-l',
  'bjarne-k',
  'chidi-o',
  'dagny-v',
  'emre-y',
  'fatima-z',
  'giulia-r',
  'haruto-s',
  'ines-m',
  'jonas-w',
  'keiko-t',
  'lars-h',
  'mei-chen',
  'noor-a',
  'oskar-n',
  'priya-d',
  'quentin-b',
  'rosa-g',
  'sven-e',
  'tariq-i',
  'uma-p',
  'viktor-j',
  'wanjiru-c',
  'xavier-f',
  'yuki-u',
  'zofia-q',
  'renovate[bot]',
];

const LABELS: Readonly<Record<string, readonly [color: string, description: string | null]>> = {
  bug: ['d73a4a', "Something isn't working"],
  enhancement: ['a2eeef', 'New feature or request'],
  'good first issue': ['7057ff', 'Good for newcomers'],
  'help wanted': ['008672', 'Extra attention is needed'],
  'needs triage': ['ededed', null],
  performance: ['fbca04', 'Time or memory'],
  parquet: ['1d76db', null],
  csv: ['1d76db', null],
  storage: ['1d76db', null],
  query: ['1d76db', null],
  python: ['1d76db', null],
  http: ['1d76db', null],
  docs: ['0075ca', 'Improvements or additions to documentation'],
  build: ['1d76db', null],
  sync: ['1d76db', null],
  search: ['1d76db', null],
};

const MILESTONES = ['0.9', '1.0', '1.1', 'Later'];

/** Issues and pull requests of a made-up repository in the shape GitHub answers, oldest change first. */
export function sampleNdjson(): Buffer {
  const random = createRandom(SEED);
  const issues = Array.from({ length: COUNT }, (_none, index) => issue(random, index + 1));
  issues.sort((a, b) => compare(a.updated_at, b.updated_at) || a.number - b.number);
  return Buffer.from(issues.map((item) => `${JSON.stringify(item)}\n`).join(''));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function issue(random: Random, number: number) {
  const isPull = random.chance(0.15);
  const text = issueText(random, isPull);
  const stepMs = (LAST_MS - FIRST_MS) / COUNT;
  const createdMs = Math.floor(FIRST_MS + stepMs * (number - 1) + random.below(stepMs));
  const closed = random.chance(0.68);
  const closedMs = createdMs + random.below(90 * 86_400_000);
  const updatedMs =
    (closed ? closedMs : createdMs) + random.below(random.chance(0.3) ? 120 * 86_400_000 : 3_600_000);
  const author = random.below(LOGINS.length);
  const assignees = random.some(LOGINS.slice(0, 8), 2).map((login) => user(LOGINS.indexOf(login)));
  const merged = isPull && closed && random.chance(0.8);
  const kind = isPull ? 'pull' : 'issues';
  const url = `${API}/repos/${REPO}/issues/${number}`;
  const id = 1_900_000_000 + number * 104_729;
  return {
    url,
    repository_url: `${API}/repos/${REPO}`,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: `${WEB}/${REPO}/${kind}/${number}`,
    id,
    node_id: nodeId(isPull ? 'PR' : 'I', id),
    number,
    title: text.title,
    user: user(author),
    labels: text.labels.map(label),
    state: closed ? 'closed' : 'open',
    locked: random.chance(0.02),
    assignee: assignees[0] ?? null,
    assignees,
    milestone: random.chance(0.2) ? milestone(random.below(MILESTONES.length)) : null,
    comments: random.chance(0.3) ? 0 : random.below(24),
    created_at: time(createdMs),
    updated_at: time(updatedMs),
    closed_at: closed ? time(closedMs) : null,
    author_association: random.pick(['NONE', 'NONE', 'CONTRIBUTOR', 'COLLABORATOR', 'MEMBER']),
    active_lock_reason: null,
    ...(isPull
      ? {
          draft: !closed && random.chance(0.2),
          pull_request: pullRequest(number, merged ? closedMs : undefined),
        }
      : {}),
    body: text.body,
    closed_by: closed ? user(random.below(8)) : null,
    reactions: reactions(random, url),
    timeline_url: `${url}/timeline`,
    performed_via_github_app: null,
    state_reason: isPull || !closed ? null : random.pick(['completed', 'completed', 'not_planned']),
  };
}

function time(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}

function nodeId(prefix: string, id: number): string {
  return `${prefix}_${Buffer.from(`kw${id}`).toString('base64url')}`;
}

function user(index: number) {
  const login = LOGINS[index]!;
  const isBot = login.endsWith('[bot]');
  const id = 4_000_000 + index * 7_919;
  const url = `${API}/users/${encodeURIComponent(login)}`;
  return {
    login,
    id,
    node_id: nodeId('U', id),
    avatar_url: `https://avatars.githubusercontent.com/u/${id}?v=4`,
    gravatar_id: '',
    url,
    html_url: `${WEB}/${isBot ? `apps/${login.slice(0, -5)}` : login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: isBot ? 'Bot' : 'User',
    user_view_type: 'public',
    site_admin: false,
  };
}

function label(name: string) {
  const [color, description] = LABELS[name]!;
  const id = 5_000_000_000 + Object.keys(LABELS).indexOf(name);
  return {
    id,
    node_id: nodeId('LA', id),
    url: `${API}/repos/${REPO}/labels/${encodeURIComponent(name)}`,
    name,
    color,
    default:
      name === 'bug' || name === 'enhancement' || name === 'good first issue' || name === 'help wanted',
    description,
  };
}

function milestone(index: number) {
  const number = index + 1;
  const id = 9_000_000 + index;
  const url = `${API}/repos/${REPO}/milestones/${number}`;
  return {
    url,
    html_url: `${WEB}/${REPO}/milestone/${number}`,
    labels_url: `${url}/labels`,
    id,
    node_id: nodeId('MI', id),
    number,
    title: MILESTONES[index]!,
    description: index === 3 ? null : `Everything for ${MILESTONES[index]}`,
    creator: user(0),
    open_issues: 12 + index,
    closed_issues: 40 - index,
    state: index === 0 ? 'closed' : 'open',
    created_at: '2023-01-09T09:00:00Z',
    updated_at: '2026-09-01T12:00:00Z',
    due_on: index === 3 ? null : `202${4 + index}-06-30T07:00:00Z`,
    closed_at: index === 0 ? '2024-07-02T10:00:00Z' : null,
  };
}

function pullRequest(number: number, mergedMs: number | undefined) {
  return {
    url: `${API}/repos/${REPO}/pulls/${number}`,
    html_url: `${WEB}/${REPO}/pull/${number}`,
    diff_url: `${WEB}/${REPO}/pull/${number}.diff`,
    patch_url: `${WEB}/${REPO}/pull/${number}.patch`,
    merged_at: mergedMs === undefined ? null : time(mergedMs),
  };
}

function reactions(random: Random, url: string) {
  const liked = random.chance(0.25);
  const plus = liked ? random.below(30) : 0;
  const heart = liked ? random.below(6) : 0;
  const rocket = liked ? random.below(3) : 0;
  return {
    url: `${url}/reactions`,
    total_count: plus + heart + rocket,
    '+1': plus,
    '-1': 0,
    laugh: 0,
    hooray: 0,
    confused: 0,
    heart,
    rocket,
    eyes: 0,
  };
}
