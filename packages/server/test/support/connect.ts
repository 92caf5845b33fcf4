import { PassThrough } from 'node:stream';
import type { TestContext } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import {
  createDoors,
  createHttpApp,
  createMcp,
  type Door,
  type Doors,
  type HttpOptions,
  type McpHandlers,
  type McpOptions,
  type ServerServices,
  serveStdio,
} from '../../src/index.ts';
import { lineTransport } from '../../src/mcp/line-transport.ts';
import { fakeServices, TOKEN } from './fake-services.ts';

export { TOKEN } from './fake-services.ts';

export const URL_HERE = 'http://127.0.0.1:8765/mcp';

export interface Wire {
  readonly name: string;
  readonly era: 'legacy' | 'modern';
  connect(t: TestContext, services: ServerServices, options?: McpOptions): Promise<Client>;
}

/** Every way in: two transports, two eras of the protocol. */
export const WIRES: readonly Wire[] = (['legacy', 'modern'] as const).flatMap((era) => [
  {
    name: `stdio, ${era} era`,
    era,
    connect: (t, services, options) =>
      connectStdio(t, era, createMcp(services, options), ownerDoor(createDoors(services))),
  },
  {
    name: `HTTP, ${era} era`,
    era,
    connect: (t, services, options) =>
      connectHttp(t, era, createMcp(services, options), { doors: createDoors(services) }),
  },
]);

export const ownerDoor = (doors: Pick<Doors, 'connection'> = createDoors(fakeServices())): Door =>
  doors.connection({ kind: 'owner' });

export async function connectStdio(
  t: TestContext,
  era: Wire['era'],
  mcp: McpHandlers,
  door: Door = ownerDoor(),
): Promise<Client> {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const connection = serveStdio(mcp, { door, stdin: toServer, stdout: toClient });
  const client = newClient(era);
  t.after(() => connection.close());
  await client.connect(lineTransport({ stdin: toClient, stdout: toServer }));
  return client;
}

export async function connectHttp(
  t: TestContext,
  era: Wire['era'],
  mcp: McpHandlers,
  options: Partial<HttpOptions> = {},
  token = TOKEN,
): Promise<Client> {
  const { app, close } = createHttpApp(mcp, { doors: createDoors(fakeServices()), ...options });
  const client = newClient(era);
  t.after(async () => {
    await client.close();
    await close();
  });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(URL_HERE), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
      fetch: async (url, init) => app.fetch(withHost(new Request(url, init))),
    }),
  );
  return client;
}

/** A network adds the header; without one it has to be said. */
export function withHost(request: Request, host = new URL(request.url).host): Request {
  request.headers.set('host', host);
  return request;
}

function newClient(era: Wire['era']): Client {
  return new Client(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } },
  );
}
