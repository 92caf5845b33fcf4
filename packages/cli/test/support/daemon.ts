import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNoSecret, secretForms } from './canary.ts';
import { type CliProject, cliProject } from './cli-project.ts';
import { programCommand, programEnvironment } from './program.ts';

/** A real `hakiri serve`. */
export interface DaemonProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Shown at the first start only. */
  readonly token: string | undefined;
  /** Everything on standard output. */
  stdout(): string;
  /** Lines of the log so far, and as they come. */
  log(): readonly LogLine[];
  /** The first line that fits, also one that is still to come. */
  logged(fits: (line: LogLine) => boolean, withinMs?: number): Promise<LogLine>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  stop(): Promise<number | null>;
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

export interface DaemonStart {
  readonly folder: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Resolves when it listens; rejects with what it said when it ended before. */
export async function startDaemon(
  t: TestContext,
  { folder, args = [], env = {} }: DaemonStart,
): Promise<DaemonProcess> {
  const given = { ...programEnvironment(folder), ...env };
  const forms = secretForms(given);
  const program = programCommand();
  const child = spawn(program.file, [...program.args, 'serve', '--port', '0', ...args], {
    cwd: folder,
    env: given,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => {
    child.kill('SIGKILL');
    assertNoSecret(`${stdout}${plain}${JSON.stringify(lines)}`, forms, 'the output of the daemon');
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  const lines: LogLine[] = [];
  let plain = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('{')) lines.push(JSON.parse(line) as LogLine);
    else plain += `${line}\n`;
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  );
  let over = false;
  void ended.then(() => {
    over = true;
  });

  const logged: DaemonProcess['logged'] = async (fits, withinMs = 15_000) => {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = lines.find(fits);
      if (found !== undefined) return found;
      assert.ok(!over, `the daemon ended: ${plain}`);
      assert.ok(performance.now() < deadline, `not logged: ${fits}\n${JSON.stringify(lines, null, 1)}`);
      await sleep(20);
    }
  };
  await logged(({ msg }) => msg === 'listening');
  const origin = /^(http:\S+)\/mcp$/m.exec(stdout)?.[1];
  assert.ok(origin, stdout);
  return {
    child,
    pid: child.pid!,
    origin,
    token: /^token: (\S+)$/m.exec(stdout)?.[1],
    stdout: () => stdout,
    log: () => lines,
    logged,
    ended,
    async stop() {
      child.kill('SIGTERM');
      return (await ended).code;
    },
  };
}

/** A real `hakiri mcp`, spoken to in lines. */
export interface McpProcess {
  readonly child: ChildProcess;
  request(method: string, params?: object): Promise<Reply>;
  /** What a tool answered. */
  tool(name: string, args?: object): Promise<ToolAnswer>;
  /** Lines on standard output that are no JSON-RPC. */
  foreign(): readonly string[];
  stderr(): string;
  end(): Promise<number | null>;
}

export interface Reply {
  readonly id: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string };
}

export interface ToolAnswer {
  readonly isError?: boolean;
  readonly structuredContent: Readonly<Record<string, unknown>>;
}

/** Introduced, unless told otherwise. */
export async function startMcp(
  t: TestContext,
  { folder, args = [], env = {} }: DaemonStart,
  introduce = true,
): Promise<McpProcess> {
  const program = programCommand();
  const child = spawn(program.file, [...program.args, 'mcp', ...args], {
    cwd: folder,
    env: { ...programEnvironment(folder), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const waiting = new Map<number, PromiseWithResolvers<Reply>>();
  const foreign: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    try {
      const message = JSON.parse(line) as Reply & { readonly jsonrpc?: string };
      if (message.jsonrpc !== '2.0') foreign.push(line);
      waiting.get(message.id)?.resolve(message);
    } catch {
      foreign.push(line);
    }
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  void exit.then((code) => {
    for (const { reject } of waiting.values()) reject(new Error(`hakiri mcp ended with ${code}: ${stderr}`));
  });
  let asked = 0;
  const request = (method: string, params: object = {}): Promise<Reply> => {
    const id = ++asked;
    const reply = Promise.withResolvers<Reply>();
    waiting.set(id, reply);
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    return reply.promise;
  };
  if (introduce) {
    await request('initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    });
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
  }
  return {
    child,
    request,
    async tool(name, args = {}) {
      const { result, error } = await request('tools/call', { name, arguments: args });
      assert.equal(error, undefined, JSON.stringify(error));
      return result as unknown as ToolAnswer;
    },
    foreign: () => foreign,
    stderr: () => stderr,
    async end() {
      child.stdin.end();
      return exit;
    },
  };
}

/** A folder for a daemon, in which every command is of the profile that has one. */
export function servedProject(t: TestContext, toml = ''): CliProject {
  return cliProject(t, toml, { profile: 'full' });
}
