/**
 * A small shop with a REST API, to try the `http` source on: `npx node examples/http-api/server.ts [PORT]`.
 * Asks for the token `demo-token`. Data is in memory and the same at every start.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const TOKEN = 'demo-token';
const CUSTOMERS = ['Ada', 'Björn', 'Chidi', 'Dilnoza', 'Emeka', 'Fatima', 'Goran'];
const ITEMS = ['cup', 'teapot', 'tray', 'spoon'];

interface Order {
  id: number;
  customer: { id: number; name: string };
  /** In cents, as text: money is no binary fraction. */
  total: string;
  status: 'open' | 'shipped';
  updated_at: string;
}

/** Starts the shop on a port of this machine; 0 takes a free one. */
export async function startShop(port: number): Promise<{ readonly port: number; close(): Promise<void> }> {
  const orders = Array.from({ length: 25 }, (_, i) => makeOrder(i + 1));
  const server = createServer((request, response) => send(response, answer(request, orders)));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function makeOrder(id: number): Order {
  const customer = id % CUSTOMERS.length;
  return {
    id,
    customer: { id: customer, name: CUSTOMERS[customer] ?? '' },
    total: (19.9 + id * 3.35).toFixed(2),
    status: id % 3 === 0 ? 'open' : 'shipped',
    updated_at: new Date(Date.UTC(2026, 0, id, 12)).toISOString(),
  };
}

type Reply = readonly [status: number, body: object];

function answer(request: IncomingMessage, orders: readonly Order[]): Reply {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://shop');
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return [401, { message: 'no such token' }];
  const [, kind, id, more] = /^\/v1\/(orders|customers)(?:\/(\d+)\/(ship|items))?$/.exec(pathname) ?? [];
  if (kind === 'customers' && id === undefined) return [200, customerPage(searchParams)];
  if (kind === 'orders' && id === undefined) return [200, orderPage(searchParams, orders)];
  const order = orders.find((candidate) => candidate.id === Number(id));
  if (kind !== 'orders' || order === undefined) return [404, { message: 'there is nothing here' }];
  if (more === 'items') return [200, { items: itemsOf(order) }];
  if (request.method !== 'POST') return [405, { message: 'send a POST' }];
  Object.assign(order, { status: 'shipped', updated_at: '2026-02-01T09:30:00.000Z' });
  return [200, order];
}

/** Pages by number: `page` from 1, `per_page`; `updated_since` filters; the oldest change comes first. */
function orderPage(params: URLSearchParams, orders: readonly Order[]): object {
  const since = params.get('updated_since') ?? '';
  const found = orders
    .filter((order) => order.updated_at >= since)
    .sort((a, b) => (a.updated_at < b.updated_at ? -1 : 1));
  const size = Number(params.get('per_page') ?? 10);
  const from = (Number(params.get('page') ?? 1) - 1) * size;
  return { data: { orders: found.slice(from, from + size) }, total: found.length };
}

/** Pages by cursor: the answer's `next` is what `after` takes. */
function customerPage(params: URLSearchParams): object {
  const from = Number(params.get('after') ?? 0);
  const customers = CUSTOMERS.slice(from, from + 3).map((name, i) => ({ id: from + i, name }));
  return { customers, next: from + 3 < CUSTOMERS.length ? String(from + 3) : null };
}

function itemsOf(order: Order): readonly object[] {
  return ITEMS.slice(0, (order.id % ITEMS.length) + 1).map((name, i) => ({
    line: i + 1,
    name,
    pieces: order.id % 5,
  }));
}

function send(response: ServerResponse, [status, body]: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

if (import.meta.main) {
  const { port } = await startShop(Number(process.argv[2] ?? 8080));
  console.log(`The shop listens on http://127.0.0.1:${port}/v1; its token is ${TOKEN}. Ctrl-C ends it.`);
}
