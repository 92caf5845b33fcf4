import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { DoctorCheck } from '@hakiri/store';
import type { Environment } from '../output.ts';
import { spawnSelf } from '../self.ts';
import { VERSION } from '../version.ts';

const TIMEOUT_MS = 15_000;
/** Of the older era, which every server answers. */
const PROTOCOL = '2025-11-25';
/** Of every agent, whatever its token allows. */
const EXPECTED_TOOL = 'session_incognito';

/** Starts `hakiri mcp` as an agent would, introduces itself, and asks for the tools. */
export async function checkServer(folder: string, env: Environment): Promise<DoctorCheck> {
  const inherited = ['HAKIRI_TOKEN', 'XDG_RUNTIME_DIR', 'XDG_STATE_HOME', 'CREDENTIALS_DIRECTORY'].flatMap(
    (name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value] as const];
    },
  );
  const child = spawnSelf('mcp', ['--project', folder], { env: Object.fromEntries(inherited) });
  const startedMs = performance.now();
  const overrun = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  try {
    const { server, tools } = await shakeHands(child);
    const ms = Math.round(performance.now() - startedMs);
    if (!tools.includes(EXPECTED_TOOL)) return failed(`${server.name} offers no ${EXPECTED_TOOL}`);
    if (server.version !== VERSION) return otherVersion(server.version);
    const message = `${server.name} ${server.version} answered in ${ms} ms with ${tools.length} tools`;
    return { name: 'mcp', state: 'ok', message };
  } catch (error) {
    return failed((error as Error).message);
  } finally {
    clearTimeout(overrun);
    child.stdin?.end();
    child.kill();
  }
}

interface ServerName {
  readonly name: string;
  readonly version: string;
}

async function shakeHands(
  child: ChildProcess,
): Promise<{ readonly server: ServerName; readonly tools: readonly string[] }> {
  const ask = asker(child);
  const { serverInfo } = (await ask('initialize', {
    protocolVersion: PROTOCOL,
    capabilities: {},
    clientInfo: { name: 'hakiri-doctor', version: VERSION },
  })) as { readonly serverInfo: ServerName };
  child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`);
  const { tools } = (await ask('tools/list', {})) as { readonly tools: readonly { readonly name: string }[] };
  return { server: serverInfo, tools: tools.map(({ name }) => name) };
}

/** Requests in the lines of JSON-RPC; they fail when the child ends. */
function asker(child: ChildProcess): (method: string, params: object) => Promise<unknown> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let asked = 0;
  let ended: Error | undefined;
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-1000);
  });
  child.stdin?.on('error', () => {});
  child.once('close', (code, signal) => {
    // A note of how it started is no reason for its end.
    const why =
      said.split('\n').find((line) => line !== '' && !line.startsWith('note:')) ||
      (signal === 'SIGKILL' ? 'it did not answer in time' : `exit code ${code}`);
    ended = new Error(`\`hakiri mcp\` ended: ${why}`);
    for (const { reject } of waiting.values()) reject(ended);
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { id, result, error } = JSON.parse(line) as {
        readonly id?: number;
        readonly result?: unknown;
        readonly error?: { readonly message: string };
      };
      const one = id === undefined ? undefined : waiting.get(id);
      if (error === undefined) one?.resolve(result);
      else one?.reject(new Error(error.message));
    });
  }
  return (method, params) => {
    if (ended) return Promise.reject(ended);
    const id = ++asked;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    return answer.promise;
  };
}

/** `hakiri mcp` passes on to the daemon there is, which goes on as what it was when it was started. */
function otherVersion(version: string): DoctorCheck {
  return {
    name: 'mcp',
    state: 'warning',
    message: `The daemon of this project is of version ${version}; this is ${VERSION}`,
    hint: 'Start it anew: what it runs and writes may fail once the store was upgraded.',
  };
}

function failed(message: string): DoctorCheck {
  return {
    name: 'mcp',
    state: 'failed',
    message,
    hint: 'Run `hakiri mcp` in the project folder and see what it says.',
  };
}
