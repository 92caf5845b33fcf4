import { sendJson, type TestServer, testServer } from '../../../ingest/test/support/test-server.ts';

/** An API that has one more row each time it is asked, of three lists. */
export interface TickingServer extends TestServer {
  /** How many rows a list has given out. */
  rows(list: string): number;
  /** Requests of a list, as milliseconds since 1970. */
  asked(list: string): readonly number[];
  /** Requests of a list that were under way at the same time, at most. */
  mostAtOnce(list: string): number;
}

export async function tickingServer(delayMs = 0): Promise<TickingServer> {
  const lists = new Map<string, { rows: number; asked: number[]; open: number; most: number }>();
  const listOf = (name: string) => {
    const list = lists.get(name) ?? { rows: 0, asked: [], open: 0, most: 0 };
    lists.set(name, list);
    return list;
  };
  const server = await testServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://server');
    const list = listOf(pathname.slice(1));
    const since = Number(searchParams.get('since') ?? 0);
    list.asked.push(Date.now());
    list.rows++;
    list.open++;
    list.most = Math.max(list.most, list.open);
    const given = Array.from({ length: list.rows - since }, (_, i) => since + i + 1).map((version) => ({
      id: version % 50,
      version,
      text: `row ${version} of ${pathname}`,
    }));
    setTimeout(() => {
      list.open--;
      sendJson(response, given);
    }, delayMs);
  });
  return Object.assign(server, {
    rows: (name: string) => listOf(name).rows,
    asked: (name: string) => listOf(name).asked,
    mostAtOnce: (name: string) => listOf(name).most,
  });
}

/** A pipeline over a list of that server. */
export function tickingPipeline(server: TestServer, list: string, more = ''): string {
  return `[[pipeline]]
id = "${list}"
allow_hosts = ["${new URL(server.origin).host}"]
source = { connector = "http", config = { base_url = "${server.origin}", resources = [{ name = "${list}", path = "/${list}", primary_key = "id", incremental = { column = "version", param = "since", format = "raw", order = "ascending" } }] } }
tables = [{ source = "${list}", name = "${list}" }]
${more}
`;
}
