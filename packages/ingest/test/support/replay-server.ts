import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type TestServer, testServer } from './test-server.ts';

/** One exchange as it was recorded between a client and api.github.com. */
export interface RecordedExchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly response: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

const RECORDED_ORIGIN = /https:\/\/api\.github\.com(:443)?/g;

/** The exchanges of a scenario of `@octokit/fixtures`. */
export function recordedExchanges(scenario: string): readonly RecordedExchange[] {
  const fixtures = dirname(createRequire(import.meta.url).resolve('@octokit/fixtures/package.json'));
  const file = join(fixtures, 'scenarios/api.github.com', scenario, 'normalized-fixture.json');
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * Serves recorded exchanges on this machine. A request is answered by the exchange with its method, its path, and
 * its parameters as far as the recording has them (`page_size` and others of the asker's own may differ). Links
 * to the recorded host lead back here. What was not recorded is a 404, as GitHub answers it.
 */
export function replayServer(exchanges: readonly RecordedExchange[]): Promise<TestServer> {
  return testServer((request, response) => {
    const origin = `http://${request.headers.host}`;
    const exchange = exchanges.find((recorded) => matches(recorded, request.method, request.url));
    if (exchange === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"Not Found"}');
      return;
    }
    const { 'content-length': _length, connection: _connection, ...headers } = exchange.headers;
    const body =
      typeof exchange.response === 'string' ? exchange.response : JSON.stringify(exchange.response);
    const link = headers.link;
    response
      .writeHead(exchange.status, {
        ...headers,
        ...(link === undefined ? {} : { link: link.replaceAll(RECORDED_ORIGIN, origin) }),
      })
      .end(body);
  });
}

function matches(recorded: RecordedExchange, method: string, url: string): boolean {
  const asked = new URL(url, 'http://server');
  const known = new URL(recorded.path, 'http://server');
  const pageOf = (address: URL): string => address.searchParams.get('page') ?? '1';
  const sameSearch = (asked.searchParams.get('q') ?? '') === (known.searchParams.get('q') ?? '');
  return (
    recorded.method.toUpperCase() === method &&
    known.pathname === asked.pathname &&
    pageOf(known) === pageOf(asked) &&
    sameSearch
  );
}
