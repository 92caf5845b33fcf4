import { hash } from 'node:crypto';
import { query, sendJson, type TestServer, testServer } from './test-server.ts';

export interface FakeRepo {
  readonly issues: { id: number; number: number; updated_at: string; title?: string }[];
  readonly pulls: { id: number; number: number; updated_at: string }[];
  readonly commits: { sha: string; commit: { committer: { date: string } } }[];
  readonly releases: { id: number }[];
  /** By number of the pull request. */
  readonly reviews: Record<number, { id: number }[]>;
}

/** A server that answers for repositories as GitHub does: since, sort, Link headers, ETags, 409 without commits. */
export function githubServer(repos: Readonly<Record<string, FakeRepo>>): Promise<TestServer> {
  return testServer((request, response) => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    const [, owner, name, ...rest] = url.pathname.slice(1).split('/');
    const repo = repos[`${owner}/${name}`];
    const list = repo === undefined ? undefined : listOf(repo, rest.join('/'), url.searchParams);
    if (list === undefined) return sendJson(response, { message: 'Not Found' }, {}, 404);
    if (list === 'empty') return sendJson(response, { message: 'Git Repository is empty.' }, {}, 409);
    const size = Number(query(request).get('per_page') ?? 30);
    const page = Number(query(request).get('page') ?? 1);
    const rows = list.slice((page - 1) * size, page * size);
    const etag = `"${hash('sha256', JSON.stringify(rows))}"`;
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end();
    url.searchParams.set('page', String(page + 1));
    const link: Record<string, string> =
      page * size < list.length ? { link: `<${url.href}>; rel="next"` } : {};
    sendJson(response, rows, { etag, ...link });
  });
}

function listOf(
  repo: FakeRepo,
  path: string,
  params: URLSearchParams,
): readonly unknown[] | 'empty' | undefined {
  const since = params.get('since') ?? '';
  const sign = params.get('direction') === 'asc' ? 1 : -1;
  const byUpdate = (a: { updated_at: string }, b: { updated_at: string }) =>
    sign * (a.updated_at < b.updated_at ? -1 : a.updated_at > b.updated_at ? 1 : 0);
  switch (path) {
    case 'issues':
      return repo.issues.filter((issue) => issue.updated_at >= since).sort(byUpdate);
    case 'pulls':
      return [...repo.pulls].sort(byUpdate);
    case 'commits':
      if (repo.commits.length === 0) return 'empty';
      return repo.commits.filter((commit) => commit.commit.committer.date >= since);
    case 'releases':
      return repo.releases;
    default: {
      const number = /^pulls\/(\d+)\/reviews$/.exec(path)?.[1];
      return number === undefined ? undefined : (repo.reviews[Number(number)] ?? []);
    }
  }
}
