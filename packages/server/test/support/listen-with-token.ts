import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { createDoors, createHttpApp, type McpHandlers } from '../../src/index.ts';
import { fakeServices, TOKEN } from './fake-services.ts';

export interface TokenAdded {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * For clients that have no way to send a token: it is added to each request as it comes in, and everything behind
 * that, the guards included, is what a user has.
 */
export async function listenWithToken(mcp: McpHandlers): Promise<TokenAdded> {
  const { app, close } = createHttpApp(mcp, { doors: createDoors(fakeServices()) });
  const listener = getRequestListener(app.fetch);
  const server = createServer((incoming, outgoing) => {
    incoming.rawHeaders.push('Authorization', `Bearer ${TOKEN}`);
    void listener(incoming, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      await close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
