/** Serves one tool that does nothing, over the same pipes and the same protocol: what a call costs by itself. */
import { serveStdio } from '@hakiri/server';
import { Server } from '@modelcontextprotocol/server';

const TOOL = { name: 'empty', description: 'Does nothing.', inputSchema: { type: 'object' as const } };

await serveStdio(
  {
    onError: () => {},
    serverFor: () => () => {
      const server = new Server({ name: 'empty', version: '1' }, { capabilities: { tools: {} } });
      server.setRequestHandler('tools/list', () => ({ tools: [TOOL] }));
      server.setRequestHandler('tools/call', () => ({ content: [] }));
      return server;
    },
  },
  {
    door: () => Promise.reject(new Error('nobody is asked for')),
    stdin: process.stdin,
    stdout: process.stdout,
  },
).closed;
