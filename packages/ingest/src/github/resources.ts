import type { Column } from '@hakiri/core';
import type { Resource, ResourceIncremental } from '../http/resource.ts';
import { DEFAULT_MAX_PAGES, type Pagination } from '../toolkit/paginate.ts';

export const GITHUB_TABLES = [
  'issues',
  'pull_requests',
  'issue_comments',
  'reviews',
  'commits',
  'releases',
] as const;

export type GithubTable = (typeof GITHUB_TABLES)[number];

export function isGithubTable(name: string): name is GithubTable {
  return (GITHUB_TABLES as readonly string[]).includes(name);
}

export const DESCRIPTIONS: Readonly<Record<GithubTable, string>> = {
  issues: 'Issues; as in the API, pull requests are among them and have a `pull_request` object.',
  pull_requests: 'Pull requests.',
  issue_comments: 'Comments on issues and pull requests.',
  reviews: 'Reviews of pull requests; `pull_number` names the pull request.',
  commits: 'Commits of the default branch.',
  releases: 'Releases.',
};

/** The first hundred is the most the API gives in one page. */
const PAGES: Pagination = { type: 'link', size_param: 'per_page', size: 100, max_pages: DEFAULT_MAX_PAGES };

/**
 * The lists of one repository (https://docs.github.com/rest). Issues and comments are read in the order of their
 * changes and sought by time, since an issue that changes while the list is read moves to its end and pulls
 * others across the border of a page unread. Pull requests have no `since`: they are read from the newest change
 * down to the last known one.
 */
export function githubResource(table: GithubTable, repo: string, lookbackMs: number): Resource {
  const path = `/repos/${repo}`;
  const since = (column: string, order: ResourceIncremental['order']): ResourceIncremental => ({
    column,
    param: 'since',
    format: 'iso',
    order,
    start: undefined,
    seek: order === 'ascending',
    lookbackMs,
  });
  switch (table) {
    case 'issues':
      return list('issues', `${path}/issues`, {
        params: { state: 'all', sort: 'updated', direction: 'asc' },
        incremental: since('updated_at', 'ascending'),
      });
    case 'issue_comments':
      return list('issue_comments', `${path}/issues/comments`, {
        params: { sort: 'updated', direction: 'asc' },
        incremental: since('updated_at', 'ascending'),
      });
    case 'pull_requests':
      return list('pull_requests', `${path}/pulls`, {
        params: { state: 'all', sort: 'updated', direction: 'desc' },
        incremental: { ...since('updated_at', 'descending'), param: undefined },
      });
    case 'reviews':
      return list('reviews', `${path}/pulls/{pull_number}/reviews`, {
        parent: {
          resource: githubResource('pull_requests', repo, lookbackMs),
          param: 'pull_number',
          field: 'number',
        },
      });
    case 'commits':
      return list('commits', `${path}/commits`, {
        // A fork has the commits of its origin: the hash alone does not tell their rows apart.
        primaryKey: ['repo', 'sha'],
        incremental: since('commit.committer.date', 'unordered'),
        // A repository without any commit answers 409.
        emptyStatuses: [409],
      });
    case 'releases':
      return list('releases', `${path}/releases`, {});
  }
}

function list(name: GithubTable, path: string, particulars: Partial<Resource>): Resource {
  return {
    name,
    path,
    method: 'GET',
    params: {},
    headers: {},
    records: undefined,
    format: 'json',
    primaryKey: ['id'],
    pagination: PAGES,
    incremental: undefined,
    parent: undefined,
    emptyStatuses: [],
    ...particulars,
  };
}

const TIMES: Readonly<Record<GithubTable, readonly string[]>> = {
  issues: ['created_at', 'updated_at', 'closed_at'],
  pull_requests: ['created_at', 'updated_at', 'closed_at', 'merged_at'],
  issue_comments: ['created_at', 'updated_at'],
  reviews: ['submitted_at'],
  commits: [],
  releases: ['created_at', 'published_at'],
};

/** The columns whose type the API documents and JSON cannot show. */
export function githubColumns(table: GithubTable): readonly Column[] {
  return TIMES[table].map((name) => ({ name, type: { kind: 'timestamp' } }));
}
