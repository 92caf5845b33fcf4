import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createAdaptorServer } from '@hono/node-server';
import {
  createDoors,
  createHttpApp,
  type HttpApp,
  type HttpOptions,
  type McpHandlers,
} from '../../src/index.ts';
import { fakeServices } from './fake-services.ts';

export interface Listening {
  readonly app: HttpApp['app'];
  readonly port: number;
  readonly origin: string;
  readonly url: string;
}

/** On a real socket of the loopback, until the test ends. */
export async function listen(
  t: Pick<TestContext, 'after'>,
  mcp: McpHandlers,
  options: Partial<HttpOptions> = {},
): Promise<Listening> {
  const { app, close } = createHttpApp(mcp, { doors: createDoors(fakeServices()), ...options });
  const server = createAdaptorServer({ fetch: app.fetch });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    await close();
    if ('closeAllConnections' in server) server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return { app, port, origin, url: `${origin}/mcp` };
}
