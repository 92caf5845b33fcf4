import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A server in a process of its own, spoken to in lines. */
export interface McpClient {
  call(tool: string, args: object): Promise<unknown>;
  /** Milliseconds until the whole answer was there. */
  time(tool: string, args: object): Promise<number>;
  close(): Promise<void>;
}

interface Reply {
  readonly id: number;
  readonly result?: { readonly isError?: boolean };
  readonly error?: unknown;
}

export async function mcpClient(
  command: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<McpClient> {
  const [file = '', ...args] = command;
  const child: ChildProcess = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const waiting = new Map<number, (reply: Reply) => void>();
  let ids = 0;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply;
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  const request = (method: string, params: object): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const id = ++ids;
      void ended.then(() => reject(new Error(`${command.join(' ')} ended`)));
      waiting.set(id, resolve);
      child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
  await request('initialize', {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  });
  child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);

  const call = async (tool: string, given: object): Promise<unknown> => {
    const { result, error } = await request('tools/call', { name: tool, arguments: given });
    if (error !== undefined || result?.isError) throw new Error(JSON.stringify(error ?? result));
    return result;
  };
  return {
    call,
    async time(tool, given) {
      const started = performance.now();
      await call(tool, given);
      return performance.now() - started;
    },
    async close() {
      child.stdin?.end();
      await ended;
    },
  };
}
